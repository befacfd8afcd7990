/**
 * What an agent brings to a secure sum: what leaves is masked, and the masks come off only in the sum. The states are those of
 * `@lorica/privacy`; each is used once, and all of them are in memory only, so that an agent that is restarted drops out.
 * @module
 */
import {
  advertise,
  confirmSurvivors,
  inputMasks,
  isRefusal,
  REACH,
  revealShares,
  type SignedMask,
  type SumRefusal,
  type SumRefusalReason,
  type SumTerms,
  shareSecrets,
  type VerifyText,
} from '@lorica/privacy'
import {
  type Assignment,
  type ErrorCode,
  type Identity,
  LoricaError,
  type SumConfirm,
  type SumKeys,
  type SumReveal,
  type SumShares,
  signText,
  type TrainAssignment,
  trainingHash,
  verifyText,
} from '@lorica/protocol'
import { type Company, companyFault, listsFault, neighbourFault, survivorsFault } from '../site/company.js'
import type { SumBook, SumOf } from '../store/sum-book.js'
import type { Mask, MaskedBytes } from './masking.js'
import type { SumMail } from './sum-mail.js'

/** What the link does for a sum. Each waits for a connection and continues over lost ones. */
export interface SumDelivery {
  keys(message: SumKeys, signal: AbortSignal): Promise<void>
  shares(message: SumShares, signal: AbortSignal): Promise<void>
  /** Hands the masked update in, or what was measured. */
  masked(input: MaskedBytes, signal: AbortSignal): Promise<void>
  confirm(message: SumConfirm, signal: AbortSignal): Promise<void>
  reveal(message: SumReveal, signal: AbortSignal): Promise<void>
}

export interface SumParts {
  readonly agentId: string
  readonly coordinatorId: string
  readonly identity: Identity
  readonly book: SumBook
  readonly mail: SumMail
  readonly delivery: SumDelivery
  /** Bytes that nobody can foresee. */
  readonly random: (length: number) => Uint8Array
  /** In whose company this site lets its update be summed. */
  readonly company: Company
  /** Hears what is about to leave. */
  readonly record: (masked: MaskedBytes, terms: SumTerms) => Promise<void>
}

/** What one agent brings to a sum. */
export interface Input {
  readonly assignmentId: string
  readonly terms: SumTerms
  readonly of: SumOf
  /** It, as it leaves. */
  masked(masks: readonly SignedMask[]): Promise<MaskedBytes>
}

/** Takes part in the sum of an assignment with the values of its update. Returns and throws as `sumInput`, and LRC-6017 for values that do not fit. */
export async function takePart(
  assignment: TrainAssignment,
  values: Float32Array,
  { mask, ...parts }: SumParts & { readonly mask: Mask },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { assignmentId, round, maxUpdateNorm, dp } = assignment
  const terms = { ...termsOf(assignment), training: trainingHash(assignment) }
  const clip = expectFit(values, terms, maxUpdateNorm)
  const { ring, noise } = terms
  const added = noise === undefined ? null : { deviation: noise.deviation, clip }
  const masked: Input['masked'] = (masks) =>
    mask({ values, ring, masks, noise: added, seed: Uint8Array.from(parts.random(32)) })
  const of = { round, isOnce: dp !== undefined }
  return await sumInput({ assignmentId, terms, of, masked }, parts, signal)
}

/**
 * Takes part in a sum from the keys to the reveal. Returns whose inputs the sum is of. Throws LoricaError LRC-6017 to LRC-6020 for what
 * this agent refuses, what the coordinator refuses, or the signal's reason.
 */
export async function sumInput(
  { assignmentId, terms, of, ...input }: Input,
  parts: SumParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { agentId: self, book, mail, delivery } = parts
  const { runId, minSurvivors, noise } = terms
  const company = { ...parts.company, minAgents: Math.max(parts.company.minAgents, noise?.honest ?? 0) } // noise of others counts for nothing
  const sign = (text: string): string => signText(parts.identity, text)

  const random = (length: number): Uint8Array => Uint8Array.from(parts.random(length))
  const begun = taken(advertise({ self, terms, minAgents: parts.company.minAgents, random, sign }))
  const { agent: _, ...own } = begun.advertisement
  const earlier = await book.used(runId)
  await book.use(runId, keysIn([own]))
  const sayKeys = (): Promise<void> => delivery.keys({ assignmentId, ...own }, signal)
  await sayKeys()

  const { agents } = await mail.takeOr('sum-roster', sayKeys, signal)
  const stranger = await book.meet(agents, parts.coordinatorId)
  if (stranger !== undefined) throw strangerKey(stranger)
  const verify = verifierOf(agents)
  const advertisements = agents.map(({ publicKey: __, rotations: ___, ...advertisement }) => advertisement)
  const shared = taken(await shareSecrets(begun.next, advertisements, verify, earlier))
  const { agents: all, neighbours } = shared.next.roster
  refuseFor(companyFault(all, company, self))
  refuseFor(listsFault(all, minSurvivors, company, self))
  refuseFor(survivorsFault(all, minSurvivors, company, self))
  refuseFor(neighbourFault(neighbours.get(self) ?? [], terms.threshold, company))
  await book.use(runId, keysIn(advertisements))
  const shares = shared.shares.map(({ to, sealed }) => ({ to, sealed }))
  await delivery.shares({ assignmentId, shares }, signal)

  const delivered = await mail.take('sum-delivery', signal)
  refuseFor(companyFault(delivered.senders, company, self))
  const given = delivered.shares.map(({ from, sealed }) => ({ from, to: self, sealed }))
  const masked = taken(inputMasks(shared.next, { senders: delivered.senders, shares: given }))
  const leaving = await input.masked(masked.masks)
  signal.throwIfAborted()
  await parts.record(leaving, terms)
  await delivery.masked(leaving, signal)

  const { survivors } = await mail.take('sum-survivors', signal)
  refuseFor(companyFault(survivors, company, self))
  if (!(await book.mayOpen(runId, of, survivors))) throw otherSum(of)
  const confirmed = taken(confirmSurvivors(masked.next, survivors, sign))
  await delivery.confirm({ assignmentId, signature: confirmed.confirmation.signature }, signal)

  const { confirmations } = await mail.take('sum-confirmations', signal)
  const { reveal } = taken(revealShares(confirmed.next, confirmations, verify))
  if (!(await book.open(runId, of, survivors))) throw otherSum(of)
  await delivery.reveal({ assignmentId, shares: [...reveal.shares] }, signal)
  return survivors
}

/** The terms of an assignment. RangeError when it has none. */
export function termsOf({ runId, round, secure }: Pick<Assignment, 'runId' | 'round' | 'secure'>): SumTerms {
  if (secure === undefined) throw new RangeError('an assignment with a secure sum expected, got a plain one')
  const { noise, ...terms } = secure
  return { runId, round, ...terms, ...(noise === undefined ? {} : { noise }) }
}

/** The bound of the run. Throws LoricaError LRC-6017 when the ring has no room for an update of it, or the noise that comes with it. */
function expectFit(values: Float32Array, terms: SumTerms, maxNorm: number | null): number {
  const { elements, ring, noise } = terms
  const room = (maxNorm ?? 0) + REACH * (noise?.deviation ?? 0)
  if (maxNorm !== null && ring.bound >= room && values.length === elements) return maxNorm
  throw new LoricaError('LRC-6017', 'the terms of the sum do not fit the update', {
    expected: `${values.length} values within ${room}, the bound of the run with the noise`,
    received: `${elements} within ${ring.bound}, and the bound of the run is ${maxNorm ?? 'not set'}`,
  })
}

function keysIn(
  advertisements: readonly { channelKey: string; maskKey: string; seedCommitment: string }[],
): readonly string[] {
  return advertisements.flatMap(({ channelKey, maskKey, seedCommitment }) => [
    channelKey,
    maskKey,
    seedCommitment,
  ])
}

function verifierOf(agents: readonly { readonly agent: string; readonly publicKey: string }[]): VerifyText {
  const keys = new Map(agents.map(({ agent, publicKey }) => [agent, publicKey]))
  return (agent, text, signature) => {
    const key = keys.get(agent)
    return key !== undefined && verifyText(key, text, signature)
  }
}

const codeOf: Readonly<Record<SumRefusalReason, ErrorCode>> = {
  terms: 'LRC-6017',
  input: 'LRC-6017',
  list: 'LRC-6018',
  'too-few': 'LRC-6018',
  'out-of-turn': 'LRC-6018',
  signature: 'LRC-6019',
  'reused-key': 'LRC-6019',
  share: 'LRC-6020',
}

/** Throws LoricaError LRC-6018 when there is a reason to. */
function refuseFor(fault: string | undefined): void {
  if (fault !== undefined) throw new LoricaError('LRC-6018', `secure sum: ${fault}`)
}

/** The next state of a sum. Throws LoricaError for a refusal. */
function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new LoricaError(codeOf[step.refused], `secure sum: ${step.message}`)
  return step
}

function otherSum(of: SumOf): LoricaError {
  const what =
    'round' in of
      ? `round ${of.round} was summed before, of other agents or for single examples`
      : 'this adapter was measured before, by other agents, otherwise, or with another result'
  return new LoricaError('LRC-6018', `secure sum: ${what}, and both sums together would show more than one`)
}

function strangerKey(agent: string): LoricaError {
  return new LoricaError('LRC-6019', `secure sum: agent ${agent} is said to have another key than it has`, {
    expected:
      'the key that its id was made of, the one that this agent knows of it, or one that it follows from by proven rotations',
    received: 'another key',
  })
}
