import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import {
  type AgentStart,
  advertise,
  confirmSurvivors,
  maskInput,
  revealShares,
  shareSecrets,
} from './agent-side.js'
import {
  addInput,
  closeInputs,
  deliverShares,
  finishSum,
  gatherConfirmations,
  listKeys,
} from './coordinator-side.js'
import { finestRing } from './ring.js'
import { isRefusal, type MaskedInput, type SumRefusal, type SumTerms, type VerifyText } from './terms.js'

/** The agents that say nothing any more from a step on. */
export interface Dropouts {
  readonly keys: readonly string[]
  readonly shares: readonly string[]
  readonly input: readonly string[]
  readonly confirmation: readonly string[]
  readonly reveal: readonly string[]
}
export const noDropouts: Dropouts = { keys: [], shares: [], input: [], confirmation: [], reveal: [] }

export const fleet = (size: number): readonly string[] =>
  Array.from({ length: size }, (_, index) => `agent-${String(index).padStart(2, '0')}`)

/** Everybody is everybody's neighbour; just above half of the agents make a sum, and just above half of the shares a secret. */
export function termsFor(agents: number): SumTerms {
  const half = Math.floor(agents / 2) + 1
  const ring = finestRing({ agents, bound: 1 })
  return {
    runId: 'run-7',
    round: 3,
    attempt: 1,
    elements: 8,
    ring,
    degree: agents - 1,
    threshold: half,
    minSurvivors: half,
  }
}

/** Any elements of the ring, the largest among them. */
export function inputOf(agent: string, elements: number, bits: number): Uint32Array {
  const words = createHash('sha256').update(agent).digest()
  return Uint32Array.from({ length: elements }, (_, i) =>
    i === 0 ? 2 ** bits - 1 : words.readUInt32LE((4 * i) % 32) % 2 ** bits,
  )
}

const identities = new Map<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>()
const identityOf = (agent: string) => {
  const known = identities.get(agent) ?? generateKeyPairSync('ed25519')
  identities.set(agent, known)
  return known
}
export const signAs =
  (agent: string) =>
  (text: string): string =>
    sign(null, Buffer.from(text), identityOf(agent).privateKey).toString('base64url')
const verified = new Map<string, boolean>() // every agent asks about the same signatures
export const verifyText: VerifyText = (agent, text, signature) => {
  const key = JSON.stringify([agent, text, signature])
  const isValid =
    verified.get(key) ??
    (identities.has(agent) &&
      verify(null, Buffer.from(text), identityOf(agent).publicKey, Buffer.from(signature, 'base64url')))
  verified.set(key, isValid)
  return isValid
}

export function startOf(self: string, terms: SumTerms, seed = 1): AgentStart {
  let draws = 0
  const random = () => Uint8Array.from(createHash('sha256').update(`${seed} ${self} ${draws++}`).digest())
  return { self, terms, minAgents: 2, random, sign: signAs(self) }
}

/** What a step gave; an error with the refusal when it gave one. */
export function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new Error(`${step.refused}: ${step.message}`)
  return step
}

/** A whole sum between honest agents, of which some drop out; the coordinator's refusal is the result when it ends the sum. */
export async function runSum(
  terms: SumTerms,
  dropouts: Dropouts,
  {
    seed = 1,
    dropNeighboursOf,
    count = 0,
    input = (agent: string) => inputOf(agent, terms.elements, terms.ring.bits),
  }: {
    seed?: number
    dropNeighboursOf?: string
    count?: number
    input?: (agent: string) => Uint32Array
  } = {},
) {
  const none: readonly MaskedInput[] = []
  const alive = fleet(terms.ring.agents).filter((agent) => !dropouts.keys.includes(agent))
  const started = alive.map((agent) => taken(advertise(startOf(agent, terms, seed))))
  const ads = started.map(({ advertisement }) => advertisement)
  const listed = listKeys(terms, ads, verifyText)
  const neighbours = isRefusal(listed) ? new Map<string, readonly string[]>() : listed.roster.neighbours
  const lost = dropNeighboursOf === undefined ? [] : neighbours.get(dropNeighboursOf)!.slice(0, count)
  const base = { agents: alive, rosterNeighbours: (agent: string) => neighbours.get(agent) ?? [] }
  if (isRefusal(listed)) return { ...base, inputs: none, result: listed }

  const shared = await Promise.all(
    started
      .filter(({ next }) => !dropouts.shares.includes(next.self))
      .map(async ({ next }) => taken(await shareSecrets(next, ads, verifyText, new Set()))),
  )
  const delivered = deliverShares(
    listed,
    shared.flatMap(({ shares }) => shares),
  )
  if (isRefusal(delivered)) return { ...base, inputs: none, result: delivered }

  const silent = new Set([...dropouts.input, ...lost])
  const masked = shared.flatMap(({ next }) => {
    const delivery = delivered.deliveries.get(next.self)
    if (silent.has(next.self) || delivery === undefined) return []
    return [taken(maskInput(next, delivery, input(next.self)))]
  })
  const inputs = masked.map(({ input }) => input)
  const closed = closeInputs(inputs.reduce((state, input) => taken(addInput(state, input)), delivered.next))
  if (isRefusal(closed)) return { ...base, inputs, result: closed }

  const confirmed = masked
    .filter(({ next }) => !dropouts.confirmation.includes(next.self))
    .map(({ next }) => taken(confirmSurvivors(next, closed.survivors, signAs(next.self))))
  const gathered = gatherConfirmations(
    closed,
    confirmed.map(({ confirmation }) => confirmation),
    verifyText,
  )
  if (isRefusal(gathered)) return { ...base, inputs, result: gathered }

  const reveals = confirmed
    .filter(({ next }) => !dropouts.reveal.includes(next.self))
    .map(({ next }) => taken(revealShares(next, gathered, verifyText)).reveal)
  return { ...base, inputs, result: await finishSum(closed, reveals) }
}
