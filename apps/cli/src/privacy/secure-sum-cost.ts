/**
 * What a secure sum costs one agent: the real steps between agents in one process, of which one is measured, and the bytes of its frames.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  advertise,
  type Confirmation,
  confirmSurvivors,
  deliverShares,
  encodeStochastic,
  encodeWithNoise,
  isRefusal,
  listKeys,
  maskInput,
  noiseShare,
  noisyRing,
  packRing,
  planGraph,
  revealShares,
  type SumRefusal,
  type SumTerms,
  shareSecrets,
  steppedRing,
} from '@lorica/privacy'
import {
  createIdentity,
  encodePacket,
  LoricaError,
  limits,
  signText,
  verifyText as verifySignature,
} from '@lorica/protocol'

export interface SumCost {
  readonly agents: number
  readonly elements: number
  readonly bits: number
  readonly neighbours: number
  readonly threshold: number
  readonly minSurvivors: number
  readonly plainBytes: number // the values as 32-bit words, in the frames of an upload
  readonly bytesUp: number
  readonly bytesDown: number
  readonly ratio: number // (up + down) / plain
  readonly cpuMs: number // of one agent, all steps
  readonly cpuMsByStep: Readonly<Record<string, number>>
}

/** A sum whose cost is asked for. */
export interface SumSize {
  readonly agents: number
  readonly elements: number // values of an update
  readonly bits: number // of each on its way
  readonly hasNoise: boolean // that the agents share out
}

/** Measures one agent of a sum. Throws LoricaError LRC-8001 when no such sum protects. */
export async function secureSumCost(size: SumSize): Promise<SumCost> {
  const { agents, elements } = size
  const terms = termsOf(size)
  const identities = Array.from({ length: agents }, createIdentity)
  const keys = new Map(identities.map(({ id, publicKey }) => [id, publicKey]))
  const verify = (id: string, text: string, signature: string): boolean =>
    verifySignature(keys.get(id) ?? '', text, signature)
  const [own] = identities as [(typeof identities)[number]]
  const measure = createMeasure()
  const startOf = (identity: typeof own) => ({
    ...{ self: identity.id, terms, minAgents: 2, random: (length: number) => randomBytes(length) },
    sign: (text: string) => signText(identity, text),
  })

  const begun = await measure.during('keys', () => taken(advertise(startOf(own))))
  const others = identities.slice(1).map((identity) => taken(advertise(startOf(identity))))
  const advertisements = [begun, ...others].map(({ advertisement }) => advertisement)
  const { agent: _, ...ownKeys } = begun.advertisement
  measure.up('sum.keys', ownKeys)
  measure.down(
    'sum-roster',
    advertisements.map((one) => ({ ...one, publicKey: keys.get(one.agent) })),
  )

  const none = new Set<string>()
  const shared = await measure.during('shares', async () =>
    taken(await shareSecrets(begun.next, advertisements, verify, none)),
  )
  measure.up(
    'sum.shares',
    shared.shares.map(({ to, sealed }) => ({ to, sealed })),
  )
  const trusted = () => true // the other agents are not what is measured
  const shares = [...shared.shares]
  for (const { next } of others)
    shares.push(...taken(await shareSecrets(next, advertisements, trusted, none)).shares)
  const listed = taken(listKeys(terms, advertisements, trusted))
  const { deliveries } = taken(deliverShares(listed, shares))
  const delivery = deliveries.get(own.id) ?? { senders: [], shares: [] }
  measure.down('sum-delivery', [
    delivery.senders,
    delivery.shares.map(({ from, sealed }) => ({ from, sealed })),
  ])

  const update = Float32Array.from({ length: elements }, (__, at) => Math.sin(at) / Math.sqrt(elements))
  const { ring, noise } = terms
  const vector = await measure.during('encode', () =>
    noise === undefined
      ? encodeStochastic(update, ring, randomBytes(32))
      : encodeWithNoise(update, ring, { deviation: noise.deviation, clip: 1 }),
  )
  const masked = await measure.during('mask', () => taken(maskInput(shared.next, delivery, vector)))
  const bytes = await measure.during('pack', () => {
    const packed = packRing(masked.input.vector, terms.ring.bits)
    createHash('sha256').update(packed).digest()
    return packed
  })
  const uploadBytes = uploadedBytes(bytes.byteLength)

  const survivors = identities.map(({ id }) => id).sort()
  measure.down('sum-survivors', survivors)
  const confirmed = await measure.during('confirm', () =>
    taken(confirmSurvivors(masked.next, survivors, (text) => signText(own, text))),
  )
  measure.up('sum.confirm', confirmed.confirmation)
  const signed = await confirmationsOf(confirmed.confirmation, identities)
  measure.down('sum-confirmations', signed)
  const { reveal } = await measure.during('reveal', () =>
    taken(
      revealShares(confirmed.next, signed, (id, text, signature) => {
        verify(id, text, signature) // the others' signatures stand for their own: what is measured is the check
        return true
      }),
    ),
  )
  measure.up('sum.reveal', reveal.shares)

  const plainBytes = uploadedBytes(4 * elements)
  const { bytesUp, bytesDown, cpuMsByStep } = measure.result()
  const cpuMs = Object.values(cpuMsByStep).reduce((sum, ms) => sum + ms, 0)
  return {
    ...{ agents, elements, bits: terms.ring.bits, neighbours: terms.degree },
    ...{ threshold: terms.threshold, minSurvivors: terms.minSurvivors, plainBytes },
    ...{ bytesUp: bytesUp + uploadBytes, bytesDown },
    ratio: (bytesUp + uploadBytes + bytesDown) / plainBytes,
    ...{ cpuMs, cpuMsByStep },
  }
}

function termsOf({ agents, elements, bits, hasNoise }: SumSize): SumTerms {
  try {
    const plan = planGraph({ agents, corruptShare: CORRUPT, dropoutShare: 0.2 })
    const terms = { runId: 'bench', round: 1, attempt: 1, elements, ...plan }
    if (!hasNoise) return { ...terms, ring: steppedRing({ agents, bound: 1 }, bits) }
    const noise = noiseShare(1, plan.minSurvivors - Math.floor(agents * CORRUPT))
    return { ...terms, noise, ring: noisyRing({ agents, bound: 1 }, noise, bits) }
  } catch (error) {
    throw new LoricaError('LRC-8001', (error as Error).message)
  }
}

const CORRUPT = 0.2 // share of the agents

/** As many confirmations as there are agents; all but the first are signed with the key of their agent, over something. */
async function confirmationsOf(
  own: Confirmation,
  identities: readonly ReturnType<typeof createIdentity>[],
): Promise<readonly Confirmation[]> {
  return identities.map((identity, at) =>
    at === 0 ? own : { agent: identity.id, signature: signText(identity, `confirmation of ${at}`) },
  )
}

/** The bytes of the frames in which so many bytes are uploaded. */
function uploadedBytes(sizeBytes: number): number {
  const chunks = Math.ceil(sizeBytes / limits.chunkBytes)
  return sizeBytes + chunks * frameBytes('update.chunk', { offset: sizeBytes, bytes: new Uint8Array(0) })
}

function frameBytes(event: string, fields: unknown): number {
  const message = { assignmentId: 'x'.repeat(24), fields }
  return encodePacket({ type: 2, nsp: '/', id: 1000, data: [event, message] }).byteLength
}

const TURNS = 3 // of each step, which gives the same every time: the least counts, since other programs only ever add to it

function createMeasure() {
  const cpuMsByStep: Record<string, number> = {}
  let bytesUp = 0
  let bytesDown = 0
  return {
    async during<T>(step: string, act: () => T | Promise<T>): Promise<T> {
      for (let turn = 1; ; turn += 1) {
        const before = process.cpuUsage()
        const result = await act()
        const { user, system } = process.cpuUsage(before)
        cpuMsByStep[step] = Math.min(cpuMsByStep[step] ?? Number.POSITIVE_INFINITY, (user + system) / 1000)
        if (turn === TURNS) return result
      }
    },
    up: (event: string, fields: unknown) => {
      bytesUp += frameBytes(event, fields)
    },
    down: (event: string, fields: unknown) => {
      bytesDown += frameBytes(event, fields)
    },
    result: () => ({ bytesUp, bytesDown, cpuMsByStep }),
  }
}

function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new LoricaError('LRC-9001', `${step.refused}: ${step.message}`)
  return step
}
