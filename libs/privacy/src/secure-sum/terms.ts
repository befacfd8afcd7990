/**
 * The terms of a secure sum and the messages that agents and the coordinator exchange for it, in the order they travel:
 * keys, shares, masked input, survivors, confirmations, reveal. After https://eprint.iacr.org/2017/281 and, for graphs
 * that are not complete, https://eprint.iacr.org/2020/704.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Ring } from './ring.js'
import type { NoiseShare } from './shared-noise.js'

/** What all agents of a sum must agree on before it starts. The keys that they sign are bound to it. */
export interface SumTerms {
  readonly runId: string
  readonly round: number
  /** From 1: each attempt at a round has keys of its own. */
  readonly attempt: number
  /** Elements of the vector that is summed. */
  readonly elements: number
  readonly ring: Ring
  /** Neighbours of an agent: even, or `ring.agents - 1` for everybody. */
  readonly degree: number
  /** Shares that give a secret back. */
  readonly threshold: number
  /** The fewest agents whose values a sum may be of, and the fewest that must confirm which ones. */
  readonly minSurvivors: number
  /** Noise that each agent adds to its values before they are masked; absent: none. */
  readonly noise?: NoiseShare
  /** What the sum is of, where it is not of updates: nothing that is signed for one is good for the other. */
  readonly measures?: Measures
  /** A hash of the training whose updates are summed: agents that were asked for different ones make no sum. */
  readonly training?: string
}

/** What the agents of a sum measure. */
export interface Measures {
  readonly adapter: string // a hash of its files
  readonly question: string // a hash of all that they are asked about it
}

/** The keys of an agent for one sum, signed with its identity. Keys are 32 bytes, base64url. */
export interface Advertisement {
  readonly agent: string
  readonly channelKey: string // X25519; seals shares on their way between two agents
  readonly maskKey: string // X25519; its secret is shared out
  readonly seedCommitment: string // SHA-256 of the self seed, which is shared out
  readonly signature: string
}

/** A share of each secret of `from`, sealed for `to`. */
export interface SealedShares {
  readonly from: string
  readonly to: string
  readonly sealed: Uint8Array // 82 bytes
}

/** What the coordinator sends an agent before it masks: who takes part further, and the shares for it. */
export interface ShareDelivery {
  readonly senders: readonly string[] // sorted
  readonly shares: readonly SealedShares[]
}

export interface MaskedInput {
  readonly agent: string
  readonly vector: Uint32Array // (elements)
}

/** An agent's word on whose values the sum is of. */
export interface Confirmation {
  readonly agent: string
  readonly signature: string
}

/** One share for each neighbour: of its self seed when its value is in the sum, of its mask key when it dropped out. */
export interface Reveal {
  readonly agent: string
  readonly shares: readonly RevealedShare[]
}

export interface RevealedShare {
  readonly of: string
  readonly secret: 'self-seed' | 'mask-key'
  readonly share: Uint8Array // 33 bytes
}

/** Why a step was not taken: a stable reason to branch on, and a sentence with what was expected and what came. */
export interface SumRefusal {
  readonly refused: SumRefusalReason
  readonly message: string
}

export type SumRefusalReason =
  | 'terms' // terms that do not protect, or not as much as this agent demands
  | 'out-of-turn' // a step that was taken already, or is not next
  | 'signature' // keys or confirmations that their agent did not sign
  | 'reused-key' // a key that was seen before
  | 'list' // a list that contradicts itself or an earlier one
  | 'too-few' // fewer agents or shares than the terms demand
  | 'share' // a share that cannot be opened, or does not belong to what was committed to
  | 'input' // a vector that is not of the ring

/** Whether a step was refused. */
export function isRefusal<T extends object>(step: T | SumRefusal): step is SumRefusal {
  return 'refused' in step
}

export function refusal(refused: SumRefusalReason, message: string): SumRefusal {
  return { refused, message }
}

/** Checks a signature over text: false for an agent that is not of the fleet, too. */
export type VerifyText = (agent: string, text: string, signature: string) => boolean

/** The text that an agent signs to advertise its keys for these terms. */
export function advertisementText(terms: SumTerms, keys: Omit<Advertisement, 'signature'>): string {
  const { agent, channelKey, maskKey, seedCommitment } = keys
  return JSON.stringify([
    'lorica-secure-sum-keys',
    digestOf(termsList(terms)).toString('hex'),
    agent,
    channelKey,
    maskKey,
    seedCommitment,
  ])
}

/** The text that an agent signs to confirm whose values the sum is of. */
export function confirmationText(
  rosterDigest: Uint8Array,
  senders: readonly string[],
  survivors: readonly string[],
): string {
  return JSON.stringify([
    'lorica-secure-sum-survivors',
    Buffer.from(rosterDigest).toString('hex'),
    senders,
    survivors,
  ])
}

/** What an agent commits to before it shares out its self seed. */
export function seedCommitmentOf(selfSeed: Uint8Array): string {
  return digestOf(['lorica-secure-sum-seed', Buffer.from(selfSeed).toString('hex')]).toString('base64url')
}

/** SHA-256 of a list as JSON. */
export function digestOf(list: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(list)).digest()
}

function termsList(terms: SumTerms): readonly unknown[] {
  const {
    runId,
    round,
    attempt,
    elements,
    ring,
    degree,
    threshold,
    minSurvivors,
    noise,
    measures,
    training,
  } = terms
  const { agents, bound, fractionBits, bits } = ring
  const plain = [runId, round, attempt, elements, agents, bound, fractionBits, bits]
  const noisy = noise === undefined ? [] : [noise.deviation, noise.honest]
  const measured = measures === undefined ? [] : ['measures', measures.adapter, measures.question]
  const trained = training === undefined ? [] : ['training', training]
  return [...plain, degree, threshold, minSurvivors, ...noisy, ...measured, ...trained]
}
