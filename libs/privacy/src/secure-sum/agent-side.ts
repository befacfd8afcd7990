/**
 * One agent's side of a secure sum: a state for each step, and functions from a state and a message to the next state and an answer,
 * or to a refusal. A state is used once: whoever keeps it replaces it with the next one before the answer leaves.
 *
 * @module
 */
import { confirmationsProblem } from './confirmations.js'
import { isInRing } from './fixed-point.js'
import { agreement, publicKeyOf } from './key-agreement.js'
import { applyMasks, type SignedMask } from './mask.js'
import { pairMasks, selfMask } from './pair-mask.js'
import { keyBytes, listProblem, type Roster, rosterOf } from './roster.js'
import { openShares, type SharePair, sealShares } from './sealed-shares.js'
import { splitSecret } from './secret-shares.js'
import type {
  Advertisement,
  Confirmation,
  MaskedInput,
  Reveal,
  SealedShares,
  ShareDelivery,
  SumRefusal,
  SumTerms,
  VerifyText,
} from './terms.js'
import { advertisementText, confirmationText, isRefusal, refusal, seedCommitmentOf } from './terms.js'
import { termsProblem } from './terms-check.js'

/** Where an agent stands: what it did last. */
export type AgentSide = Advertised | Shared | Masked | Confirmed | Answered

interface Base {
  readonly self: string
  readonly terms: SumTerms
}
interface Secrets {
  readonly channelSecret: Uint8Array // 32 bytes
  readonly maskSecret: Uint8Array // 32 bytes
  readonly selfSeed: Uint8Array // 32 bytes
}
export interface Advertised extends Base {
  readonly phase: 'advertised'
  readonly secrets: Secrets
  readonly advertisement: Advertisement
}
export interface Shared extends Base {
  readonly phase: 'shared'
  readonly secrets: Secrets
  readonly roster: Roster
  readonly channels: ReadonlyMap<string, Uint8Array> // by neighbour: the secret that shares travel under
  readonly ownShares: SharePair
}
export interface Masked extends Base {
  readonly phase: 'masked'
  readonly roster: Roster
  readonly senders: readonly string[]
  readonly held: ReadonlyMap<string, SharePair> // by neighbour that sent shares, and its own
}
export interface Confirmed extends Omit<Masked, 'phase'> {
  readonly phase: 'confirmed'
  readonly survivors: readonly string[]
}
export interface Answered extends Base {
  readonly phase: 'answered'
}

/** What an agent needs to begin. */
export interface AgentStart {
  readonly self: string
  readonly terms: SumTerms
  /** The fewest agents that this one lets its values be summed with. */
  readonly minAgents: number
  /** Bytes from a cryptographic generator. */
  readonly random: (bytes: number) => Uint8Array
  readonly sign: (text: string) => string
}

/** Draws fresh keys and signs them for these terms; refuses terms that do not protect its values. */
export function advertise(
  start: AgentStart,
): { readonly next: Advertised; readonly advertisement: Advertisement } | SumRefusal {
  const { self, terms, minAgents, random, sign } = start
  const problem = termsProblem(terms, minAgents)
  if (problem !== null) return problem
  const secrets = { channelSecret: random(32), maskSecret: random(32), selfSeed: random(32) }
  const keys = {
    agent: self,
    channelKey: text(publicKeyOf(secrets.channelSecret)),
    maskKey: text(publicKeyOf(secrets.maskSecret)),
    seedCommitment: seedCommitmentOf(secrets.selfSeed),
  }
  const advertisement = { ...keys, signature: sign(advertisementText(terms, keys)) }
  return { next: { phase: 'advertised', self, terms, secrets, advertisement }, advertisement }
}

/**
 * Shares its two secrets out among its neighbours and itself. Refuses a roster without its own keys as they were, with too few agents,
 * with keys of `usedKeys` (the keys of earlier sums, its own and its peers'), or with keys that `verify` does not know as their agent's.
 */
export async function shareSecrets(
  side: AgentSide,
  advertisements: readonly Advertisement[],
  verify: VerifyText,
  usedKeys: ReadonlySet<string>,
): Promise<{ readonly next: Shared; readonly shares: readonly SealedShares[] } | SumRefusal> {
  if (side.phase !== 'advertised') return outOfTurn('shares', side)
  const { self, terms, secrets, advertisement } = side
  const roster = rosterOf(terms, advertisements, verify, usedKeys)
  if (isRefusal(roster)) return roster
  const listed = roster.keys.get(self)
  if (listed === undefined || advertisementText(terms, listed) !== advertisementText(terms, advertisement))
    return refusal('list', `agents expected ${self} with the keys that it advertised`)
  const neighbours = roster.neighbours.get(self)!
  const count = neighbours.length + 1
  if (count < terms.threshold)
    return refusal('too-few', `shares expected at least ${terms.threshold} holders, got ${count}`)
  const seedShares = await splitSecret(secrets.selfSeed, count, terms.threshold)
  const keyShares = await splitSecret(secrets.maskSecret, count, terms.threshold)
  const channelWith = agreement(secrets.channelSecret)
  const channels = new Map<string, Uint8Array>()
  const shares: SealedShares[] = []
  for (const [index, peer] of neighbours.entries()) {
    try {
      channels.set(peer, channelWith(keyBytes(roster.keys.get(peer)!.channelKey)))
    } catch (error) {
      return refusal('signature', `keys of ${peer}: ${(error as Error).message}`)
    }
    const pair = { seedShare: seedShares[index]!, keyShare: keyShares[index]! }
    shares.push(sealShares(channels.get(peer)!, { rosterDigest: roster.digest, from: self, to: peer }, pair))
  }
  const ownShares = { seedShare: seedShares[count - 1]!, keyShare: keyShares[count - 1]! }
  return { next: { phase: 'shared', self, terms, secrets, roster, channels, ownShares }, shares }
}

/**
 * The masks of its neighbours among the senders and its own: with all of them on it, its vector may leave. Refuses senders that are too few,
 * unknown or without this agent, and shares that are missing, too many, or not sealed for it; then it sends no vector and its secrets stay unknown.
 */
export function inputMasks(
  side: AgentSide,
  { senders, shares }: ShareDelivery,
): { readonly next: Masked; readonly masks: readonly SignedMask[] } | SumRefusal {
  if (side.phase !== 'shared') return outOfTurn('a masked input', side)
  const { self, terms, secrets, roster, channels, ownShares } = side
  const problem = listProblem('senders', senders, roster.agents)
  if (problem !== null) return problem
  if (!senders.includes(self)) return refusal('list', `senders expected ${self}, who sent its shares`)
  if (senders.length < terms.minSurvivors)
    return refusal('too-few', `senders expected at least ${terms.minSurvivors}, got ${senders.length}`)
  const peers = roster.neighbours.get(self)!.filter((peer) => senders.includes(peer))
  if (peers.length + 1 < terms.threshold)
    return refusal(
      'too-few',
      `holders of shares expected at least ${terms.threshold}, got ${peers.length + 1}`,
    )
  const held = new Map([[self, ownShares]])
  for (const { from, to, sealed } of shares) {
    if (to !== self || held.has(from) || !peers.includes(from))
      return refusal('share', `shares expected one of each neighbour for ${self}, got ${from} for ${to}`)
    const pair = openShares(channels.get(from)!, { rosterDigest: roster.digest, from, to }, sealed)
    if (pair === null) return refusal('share', `shares of ${from} expected to open, got others`)
    held.set(from, pair)
  }
  const missing = peers.find((peer) => !held.has(peer))
  if (missing !== undefined) return refusal('share', `shares expected of ${missing}, who is a sender`)
  const next = { phase: 'masked', self, terms, roster, senders, held } as const
  try {
    const pairs = pairMasks(roster, self, secrets.maskSecret, peers)
    return { next, masks: [selfMask(roster, self, secrets.selfSeed), ...pairs] }
  } catch (error) {
    return refusal('signature', `mask keys of the senders: ${(error as Error).message}`)
  }
}

/** Masks its vector of ring elements. Refuses what `inputMasks` refuses, and a vector that is not of the ring. */
export function maskInput(
  side: AgentSide,
  delivery: ShareDelivery,
  vector: Uint32Array,
): { readonly next: Masked; readonly input: MaskedInput } | SumRefusal {
  const { elements, ring } = side.terms
  const masked = inputMasks(side, delivery)
  if (isRefusal(masked)) return masked
  if (vector.length !== elements || !isInRing(vector, ring.bits))
    return refusal('input', `vector expected ${elements} elements under 2^${ring.bits}`)
  const { next, masks } = masked
  return { next, input: { agent: side.self, vector: applyMasks(vector, masks, ring.bits) } }
}

/** Signs whose values the sum is of, once. Refuses a list that is too short, without this agent, or not of the senders it was told. */
export function confirmSurvivors(
  side: AgentSide,
  survivors: readonly string[],
  sign: (text: string) => string,
): { readonly next: Confirmed; readonly confirmation: Confirmation } | SumRefusal {
  if (side.phase !== 'masked') return outOfTurn('a confirmation', side)
  const { self, terms, roster, senders } = side
  const problem = listProblem('survivors', survivors, senders)
  if (problem !== null) return problem
  if (!survivors.includes(self)) return refusal('list', `survivors expected ${self}, who sent its input`)
  if (survivors.length < terms.minSurvivors)
    return refusal('too-few', `survivors expected at least ${terms.minSurvivors}, got ${survivors.length}`)
  const signature = sign(confirmationText(roster.digest, senders, survivors))
  return {
    next: { ...side, phase: 'confirmed', survivors: [...survivors] },
    confirmation: { agent: self, signature },
  }
}

/**
 * Reveals one share of each neighbour, once: of the self seed of a survivor, of the mask key of a dropout, never both. Refuses unless
 * as many survivors as the terms demand signed the list that it confirmed itself.
 */
export function revealShares(
  side: AgentSide,
  confirmations: readonly Confirmation[],
  verify: VerifyText,
): { readonly next: Answered; readonly reveal: Reveal } | SumRefusal {
  if (side.phase !== 'confirmed') return outOfTurn('shares revealed', side)
  const { self, terms, roster, senders, survivors, held } = side
  const problem = confirmationsProblem(terms, roster, senders, survivors, confirmations, verify)
  if (problem !== null) return problem
  const shares = [...held].map(([of, { seedShare, keyShare }]) =>
    survivors.includes(of)
      ? ({ of, secret: 'self-seed', share: seedShare } as const)
      : ({ of, secret: 'mask-key', share: keyShare } as const),
  )
  return { next: { phase: 'answered', self, terms }, reveal: { agent: self, shares } }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const outOfTurn = (what: string, { phase }: AgentSide): SumRefusal =>
  refusal('out-of-turn', `${what} expected after another step, got the request when ${phase}`)
