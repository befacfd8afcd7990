/**
 * The coordinator's side of a secure sum: from the messages of one step to what the next one asks of the agents, or to a refusal that
 * ends the sum. It learns the sum of the survivors and nothing of any one of them. The caller decides how long a step waits.
 *
 * @module
 */
import { confirmationsProblem } from './confirmations.js'
import { addInRing, isInRing } from './fixed-point.js'
import { publicKeyOf } from './key-agreement.js'
import { applyMasks, type SignedMask } from './mask.js'
import { pairMasks, selfMask } from './pair-mask.js'
import { type Roster, rosterOf } from './roster.js'
import { combineShares } from './secret-shares.js'
import type {
  Advertisement,
  Confirmation,
  MaskedInput,
  Reveal,
  RevealedShare,
  SealedShares,
  ShareDelivery,
  SumRefusal,
  SumTerms,
  VerifyText,
} from './terms.js'
import { isRefusal, refusal, seedCommitmentOf } from './terms.js'

/** Keys are agreed on; shares are awaited. */
export interface KeysListed {
  readonly terms: SumTerms
  readonly roster: Roster
}
/** Shares are delivered; masked inputs are awaited, and added up as they come. */
export interface Collecting extends KeysListed {
  readonly senders: readonly string[] // sorted
  readonly arrived: readonly string[]
  readonly maskedSum: Uint32Array // (elements)
}
/** Inputs are closed; confirmations are awaited, then shares revealed. */
export interface Closing extends Omit<Collecting, 'arrived'> {
  readonly survivors: readonly string[] // sorted
}
/** The sum of the survivors' vectors, modulo 2^bits. */
export interface SecureSum {
  readonly sum: Uint32Array // (elements)
  readonly survivors: readonly string[]
}

/** The roster of all who advertised keys in time. Every agent is then sent all advertisements. */
export function listKeys(
  terms: SumTerms,
  advertisements: readonly Advertisement[],
  verify: VerifyText,
): KeysListed | SumRefusal {
  const roster = rosterOf(terms, advertisements, verify)
  return isRefusal(roster) ? roster : { terms, roster }
}

/**
 * What each sender is delivered. A sender is an agent that sent shares to each of its neighbours; agents with too few senders around
 * them could never be unmasked, and are left out with their shares.
 */
export function deliverShares(
  { terms, roster }: KeysListed,
  shares: readonly SealedShares[],
): { readonly next: Collecting; readonly deliveries: ReadonlyMap<string, ShareDelivery> } | SumRefusal {
  const byAgent = new Map<string, Map<string, SealedShares>>()
  for (const sealed of shares) {
    const sent = byAgent.get(sealed.from) ?? new Map<string, SealedShares>()
    byAgent.set(sealed.from, sent.set(sealed.to, sealed))
  }
  const isWhole = (agent: string): boolean =>
    roster.neighbours.get(agent)!.every((peer) => byAgent.get(agent)?.has(peer) ?? false)
  const senders = withHolders(roster, roster.agents.filter(isWhole), terms.threshold)
  if (senders.length < terms.minSurvivors)
    return refusal('too-few', `senders expected at least ${terms.minSurvivors}, got ${senders.length}`)
  const among = new Set(senders)
  const deliveries = new Map(
    senders.map((agent) => {
      const peers = roster.neighbours.get(agent)!.filter((peer) => among.has(peer))
      return [agent, { senders, shares: peers.map((peer) => byAgent.get(peer)!.get(agent)!) }]
    }),
  )
  const maskedSum = new Uint32Array(terms.elements)
  return { next: { terms, roster, senders, arrived: [], maskedSum }, deliveries }
}

/** Adds a masked input to the sum. Refuses one of an agent that is no sender or was added already, and a vector not of the ring. */
export function addInput(state: Collecting, { agent, vector }: MaskedInput): Collecting | SumRefusal {
  const { terms, senders, arrived, maskedSum } = state
  if (!senders.includes(agent)) return refusal('list', `input expected of a sender, got ${agent}`)
  if (arrived.includes(agent)) return refusal('out-of-turn', `input of ${agent} expected once`)
  if (vector.length !== terms.elements || !isInRing(vector, terms.ring.bits))
    return refusal('input', `vector expected ${terms.elements} elements under 2^${terms.ring.bits}`)
  return { ...state, arrived: [...arrived, agent], maskedSum: addInRing(maskedSum, vector, terms.ring.bits) }
}

/** Ends the wait for inputs: whose values the sum is of. Every survivor is asked to confirm the list. */
export function closeInputs({ arrived, ...state }: Collecting): Closing | SumRefusal {
  const { terms, roster } = state
  if (arrived.length < terms.minSurvivors)
    return refusal('too-few', `inputs expected at least ${terms.minSurvivors}, got ${arrived.length}`)
  const survivors = [...arrived].sort()
  if (withHolders(roster, survivors, terms.threshold).length < survivors.length)
    return refusal(
      'too-few',
      `survivors expected ${terms.threshold} holders of shares around each, got fewer`,
    )
  return { ...state, survivors }
}

/** The confirmations to show every survivor, once enough signed the list; those that do not verify are left out. */
export function gatherConfirmations(
  { terms, roster, senders, survivors }: Closing,
  confirmations: readonly Confirmation[],
  verify: VerifyText,
): readonly Confirmation[] | SumRefusal {
  const one = { ...terms, minSurvivors: 1 }
  const valid = new Map(
    confirmations
      .filter((each) => confirmationsProblem(one, roster, senders, survivors, [each], verify) === null)
      .map((each) => [each.agent, each]),
  )
  return valid.size < terms.minSurvivors
    ? refusal('too-few', `confirmations expected at least ${terms.minSurvivors}, got ${valid.size}`)
    : [...valid.values()]
}

/**
 * Takes the survivors' own masks and what is left of the dropouts' off the sum. Refuses, with nothing of the sum, when a secret has
 * fewer shares than the threshold, or shares do not give the one that its agent committed to: where there is one share more, one may be wrong.
 */
export async function finishSum(
  { terms, roster, senders, survivors, maskedSum }: Closing,
  reveals: readonly Reveal[],
): Promise<SecureSum | SumRefusal> {
  const masks: SignedMask[] = []
  const alive = new Set(survivors)
  for (const agent of senders) {
    const peers = roster.neighbours.get(agent)!.filter((peer) => alive.has(peer))
    if (!alive.has(agent) && peers.length === 0) continue
    const holders = new Set([agent, ...peers])
    const secret = await recover(
      terms,
      roster,
      agent,
      alive.has(agent) ? 'self-seed' : 'mask-key',
      holders,
      reveals,
    )
    if (!(secret instanceof Uint8Array)) return secret
    // A dropout's mask with a survivor stands in the sum as the survivor applied it; the dropout's own would have cancelled it.
    try {
      if (alive.has(agent)) masks.push({ ...selfMask(roster, agent, secret), sign: -1 })
      else masks.push(...pairMasks(roster, agent, secret, peers))
    } catch (error) {
      return refusal('signature', `mask keys around ${agent}: ${(error as Error).message}`)
    }
  }
  return { sum: applyMasks(maskedSum, masks, terms.ring.bits), survivors }
}

async function recover(
  { threshold }: SumTerms,
  roster: Roster,
  of: string,
  kind: RevealedShare['secret'],
  holders: ReadonlySet<string>,
  reveals: readonly Reveal[],
): Promise<Uint8Array | SumRefusal> {
  const shares = new Map<string, Uint8Array>()
  for (const reveal of reveals) {
    if (!holders.has(reveal.agent)) continue
    const share = reveal.shares.find((each) => each.of === of && each.secret === kind)
    if (share !== undefined) shares.set(reveal.agent, share.share)
  }
  if (shares.size < threshold)
    return refusal(
      'too-few',
      `shares of the ${kind} of ${of} expected at least ${threshold}, got ${shares.size}`,
    )
  const { maskKey, seedCommitment } = roster.keys.get(of)!
  const isCommitted = (secret: Uint8Array): boolean =>
    kind === 'self-seed'
      ? seedCommitmentOf(secret) === seedCommitment
      : Buffer.from(publicKeyOf(secret)).toString('base64url') === maskKey
  const secret = await fitting([...shares.values()], threshold, isCommitted)
  return secret ?? refusal('share', `shares of the ${kind} of ${of} expected to fit what it signed`)
}

/** The secret of `threshold` shares side by side, in a circle, that fits; null when none does. With one share more than that, one may be wrong. */
async function fitting(
  shares: readonly Uint8Array[],
  threshold: number,
  isFit: (secret: Uint8Array) => boolean,
): Promise<Uint8Array | null> {
  const starts = shares.length > threshold ? shares.length : 1
  for (let start = 0; start < starts; start += 1) {
    const turned = [...shares.slice(start), ...shares.slice(0, start)]
    const secret = await combineShares(turned, threshold).catch(() => null)
    if (secret !== null && isFit(secret)) return secret
  }
  return null
}

/** The agents that have enough of each other around them, themselves counted, to hold `threshold` shares. */
function withHolders(roster: Roster, agents: readonly string[], threshold: number): readonly string[] {
  const among = new Set(agents)
  const kept = agents.filter(
    (agent) => roster.neighbours.get(agent)!.filter((peer) => among.has(peer)).length + 1 >= threshold,
  )
  return kept.length === agents.length ? agents : withHolders(roster, kept, threshold)
}
