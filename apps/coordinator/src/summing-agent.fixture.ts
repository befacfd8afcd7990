/**
 * Scripted agents that sum their updates with others, step by step, and may stop before any of them.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  type Advertised,
  advertise,
  confirmSurvivors,
  encodeStochastic,
  encodeWithNoise,
  flattened,
  isRefusal,
  type MeasuredLoss,
  maskInput,
  measuredElements,
  packRing,
  revealShares,
  type SumRefusal,
  type SumTerms,
  shareSecrets,
} from '@lorica/privacy'
import {
  type Assignment,
  type EvaluateAssignment,
  type Identity,
  parseSumConfirmations,
  parseSumDelivery,
  parseSumRoster,
  parseSumSurvivors,
  questionOf,
  signText,
  type TrainAssignment,
  trainingHash,
  verifyText,
} from '@lorica/protocol'
import { type Change, type ScriptedAgent, startAgent, trainedTensors } from './agent.fixture.js'
import type { Fleet } from './fleet.fixture.js'

/** The steps before which an agent may fall silent. */
export type Step = 'keys' | 'shares' | 'input' | 'confirmation' | 'reveal'

/** What an agent of a sum gives, and when it stops. */
export interface SummingManner {
  readonly change: Change
  readonly stopsBefore?: Step
  /** How it stops: its connection ends, or it says that it will not go on. Closes where it is left out. */
  readonly how?: 'closes' | 'declines'
  /** Hears what left: the elements before and after they were masked. */
  readonly onMasked?: (plain: Uint32Array, masked: Uint32Array, terms: SumTerms) => void
  /** Is waited for when the roster has come; `say` sends its keys once more, or other ones, and tells how that was answered. */
  readonly onRoster?: (
    agent: ScriptedAgent,
    say: (agent: ScriptedAgent, which: 'same' | 'other') => Promise<string>,
  ) => Promise<void>
  /** Only the first so many attempts are stopped. */
  readonly stops?: number
  /** Which sums are stopped: of updates unless it says so. */
  readonly stopsIn?: 'train' | 'evaluate'
  /** What it measures: 64 tokens of 2.5 nats unless it says so. */
  readonly measures?: (assignment: EvaluateAssignment) => MeasuredLoss
}

/** An agent that joins and takes part in secure sums; `agentId` where its key is not the one that its id was made of. */
export async function startSummingAgent(
  fleet: Fleet,
  name: string,
  manner: SummingManner,
  identity?: Identity,
  agentId?: string,
): Promise<ScriptedAgent> {
  let stops = manner.stops ?? Number.POSITIVE_INFINITY
  const told = new Map<string, (message: unknown) => void>()
  const early = new Map<string, unknown>()
  const begun = new Set<string>() // an assignment that comes again is not done twice
  const once = async ({ assignmentId }: Assignment, work: () => Promise<void>): Promise<void> => {
    if (begun.has(assignmentId)) return
    begun.add(assignmentId)
    await work()
  }
  const of = (self: ScriptedAgent, { assignmentId, kind }: Assignment): Within => ({
    agentId: agentId ?? self.identity.id,
    hear: (event) => {
      const key = `${event} ${assignmentId}`
      if (early.has(key)) return Promise.resolve(early.get(key))
      return new Promise((resolve) => told.set(key, resolve))
    },
    isStopping: (step) => kind === (manner.stopsIn ?? 'train') && step === manner.stopsBefore && stops-- > 0,
  })
  const agent = await startAgent(
    fleet,
    name,
    {
      train: (self, assignment) =>
        once(assignment, async () => {
          const summand = await updateOf(self, assignment, manner)
          await takePart(self, assignment, { ...summand, manner, ...of(self, assignment) })
        }),
      measure: (self, assignment) =>
        once(assignment, () =>
          takePart(self, assignment, { ...lossOf(assignment, manner), manner, ...of(self, assignment) }),
        ),
    },
    identity,
  )
  for (const event of ['sum-roster', 'sum-delivery', 'sum-survivors', 'sum-confirmations'])
    agent.socket.on(event, (message: { assignmentId: string }, answer: (reply: object) => void) => {
      answer({ ok: true })
      const key = `${event} ${message.assignmentId}`
      early.set(key, message)
      told.get(key)?.(message)
    })
  return agent
}

interface Within {
  readonly agentId: string
  readonly hear: (event: string) => Promise<unknown>
  readonly isStopping: (step: Step) => boolean
}

/** The elements that go into a sum, and its terms. */
interface Summand {
  readonly terms: SumTerms
  readonly plain: Uint32Array
}

function termsOf({ secure, runId, round }: Assignment): SumTerms {
  if (secure === undefined) throw new Error('expected an assignment with a secure sum')
  const { noise, ...plainTerms } = secure
  return { runId, round, ...plainTerms, ...(noise === undefined ? {} : { noise }) }
}

function lossOf(assignment: EvaluateAssignment, { measures }: SummingManner): Summand {
  const measured = measures?.(assignment) ?? { lossSum: 2.5 * 64, tokens: 64 }
  const terms = { ...termsOf(assignment), measures: questionOf(assignment) }
  return { terms, plain: measuredElements(measured) }
}

async function updateOf(
  agent: ScriptedAgent,
  assignment: TrainAssignment,
  manner: SummingManner,
): Promise<Summand> {
  const terms = { ...termsOf(assignment), training: trainingHash(assignment) }
  const trained = await trainedTensors(agent, assignment)
  const change =
    typeof manner.change === 'function'
      ? manner.change(trained)
      : new Map(
          [...trained].map(([key, { shape, data }]) => [
            key,
            { shape, data: data.map(() => manner.change as number) },
          ]),
        )
  const [values, clip] = [flattened(change), assignment.maxUpdateNorm ?? 0]
  const plain =
    terms.noise === undefined
      ? encodeStochastic(values, terms.ring, randomBytes(32))
      : encodeWithNoise(values, terms.ring, { deviation: terms.noise.deviation, clip })
  return { terms, plain }
}

async function takePart(
  agent: ScriptedAgent,
  { assignmentId, kind }: Assignment,
  { terms, plain, manner, ...within }: Summand & Within & { readonly manner: SummingManner },
): Promise<void> {
  const stops = async (step: Step): Promise<boolean> => {
    if (!within.isStopping(step)) return false
    if (manner.how === 'declines') {
      await agent.emit('decline', { assignmentId, code: 'LRC-6010', message: `stops before ${step}` })
    } else agent.close()
    return true
  }
  const sign = (text: string) => signText(agent.identity, text)
  const self = within.agentId

  if (await stops('keys')) return
  const start = { self, terms, minAgents: 2, random: (bytes: number) => randomBytes(bytes), sign }
  const { next: advertised, advertisement } = taken(advertise(start))
  const { agent: _, ...keys } = advertisement
  await said(agent, 'sum.keys', { assignmentId, ...keys })
  const roster = parseSumRoster(await within.hear('sum-roster'))
  await manner.onRoster?.(agent, async (_self, which) => {
    const { agent: __, ...again } = which === 'same' ? advertisement : taken(advertise(start)).advertisement
    const reply = await agent.emit('sum.keys', { assignmentId, ...again })
    return reply.ok ? 'ok' : (reply.refusal?.code ?? '')
  })
  const publicKeys = new Map(roster.agents.map(({ agent: id, publicKey }) => [id, publicKey]))
  const verify = (id: string, text: string, signature: string) =>
    verifyText(publicKeys.get(id) ?? '', text, signature)

  if (await stops('shares')) return
  const ads = roster.agents.map(({ publicKey: __, rotations: ___, ...one }) => one)
  const shared = taken(await shareSecrets(advertised as Advertised, ads, verify, new Set()))
  const shares = shared.shares.map(({ to, sealed }) => ({ to, sealed }))
  await said(agent, 'sum.shares', { assignmentId, shares })
  const { senders, shares: given } = parseSumDelivery(await within.hear('sum-delivery'))

  if (await stops('input')) return
  const delivery = {
    senders,
    shares: given.map((one) => ({ ...one, sealed: Uint8Array.from(one.sealed), to: self })),
  }
  const masked = taken(maskInput(shared.next, delivery, plain))
  manner.onMasked?.(plain, masked.input.vector, terms)
  const leaving = packRing(masked.input.vector, terms.ring.bits)
  if (kind === 'train') await sendBytes(agent, assignmentId, leaving)
  else await said(agent, 'sum.input', { assignmentId, masked: leaving })
  const { survivors } = parseSumSurvivors(await within.hear('sum-survivors'))

  if (await stops('confirmation')) return
  const confirmed = taken(confirmSurvivors(masked.next, survivors, sign))
  await said(agent, 'sum.confirm', { assignmentId, signature: confirmed.confirmation.signature })
  const { confirmations } = parseSumConfirmations(await within.hear('sum-confirmations'))

  if (await stops('reveal')) return
  const { reveal } = taken(revealShares(confirmed.next, confirmations, verify))
  await said(agent, 'sum.reveal', { assignmentId, shares: reveal.shares })
}

async function sendBytes(agent: ScriptedAgent, assignmentId: string, bytes: Uint8Array): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const nothing = { examples: 0, tokens: 1, trainMs: 7, lossFirst: 0, lossLast: 0 }
  const offer = { assignmentId, sha256, sizeBytes: bytes.byteLength, ...nothing }
  const { uploadId } = (await said(agent, 'update.open', offer)) as { uploadId: string }
  for (let offset = 0; offset < bytes.byteLength; offset += 200)
    await said(agent, 'update.chunk', { uploadId, offset, bytes: bytes.subarray(offset, offset + 200) })
  await said(agent, 'update.close', { uploadId })
}

async function said(agent: ScriptedAgent, event: string, message: object): Promise<object> {
  const reply = await agent.emit(event, message)
  if (!reply.ok) throw new Error(`${event}: ${reply.refusal?.code} ${reply.refusal?.message}`)
  return reply
}

function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new Error(`${step.refused}: ${step.message}`)
  return step
}
