/**
 * Rounds whose updates are summed without being seen: training, then the five steps of a secure sum. A step waits for whoever answers,
 * moves bytes or may still come back; who does not drops out. A sum that cannot be finished ends its attempt at the round.
 * @module
 */
import { createHash } from 'node:crypto'
import {
  type Advertisement,
  addInput,
  type Closing,
  type Collecting,
  closeInputs,
  deliverShares,
  finishSum,
  gatherConfirmations,
  isRefusal,
  listKeys,
  packRing,
  type SumRefusal,
  unpackRing,
  type VerifyText,
} from '@lorica/privacy'
import { encodeFrame, LoricaError, verifyText } from '@lorica/protocol'
import type { SumTelling } from '../fleet/sum-telling.js'
import { contributionsOf, phaseOf } from '../runs/round.js'
import { sumTerms } from '../runs/secure-terms.js'
import { tensorsOf } from '../runs/strategy.js'
import { answersTo, awaiting, missing, type SumStep, without } from '../runs/sum-state.js'
import { writeDurably } from '../store/durable.js'
import { contributionPath, updatePath } from '../store/updates.js'
import { type ActiveRun, momentOf } from './active-run.js'
import { createOpenSum, type OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { askToTrain, marksOf, openRoundOf, tickMs } from './training.js'

/** Trains a round and sums its updates. Throws LoricaError LRC-4018 when the sum cannot be finished. */
export async function sumRound(parts: Parts, active: ActiveRun): Promise<'complete' | 'failed'> {
  const round = openRoundOf(active)
  if (round.sum?.file != null) return 'complete'
  if (round.sum !== null || round.isClosed) throw notFinished('the coordinator was restarted meanwhile')
  const { shared } = tensorsOf(active.run().spec, await active.adapter(), round.round)
  const sum = createOpenSum(sumTerms(active.run(), round, shared))
  active.sum = sum
  try {
    if ((await awaitKeys(parts, active, sum)) === 'failed') return 'failed'
    const startedMs = parts.clock.monotonicMs()
    const collecting = await awaitShares(parts, active, sum)
    const closing = await awaitInputs(parts, active, sum, collecting)
    await finish(parts, active, sum, { closing, startedMs })
    return 'complete'
  } finally {
    active.sum = null
  }
}

/** Waits until the agents that finish training have sent keys, by the rules by which a round waits for updates. */
async function awaitKeys(parts: Parts, active: ActiveRun, sum: OpenSum): Promise<'complete' | 'failed'> {
  for (const { agentId, status } of openRoundOf(active).seats.values())
    if (status === 'training') askToTrain(active, agentId)
  const phase = () => {
    const round = openRoundOf(active)
    const ready = new Set(answersTo(sum.state, 'keys').keys())
    return phaseOf(round, { ...momentOf(active, round), ready })
  }
  await whileTicking(parts, active, () => phase() !== 'training')
  return phase() === 'complete' ? 'complete' : 'failed'
}

async function awaitShares(parts: Parts, active: ActiveRun, sum: OpenSum): Promise<Collecting> {
  const verify = verifierOf(parts)
  const isMember = ({ agent }: Advertisement) => parts.ledger.member(agent)?.left === null
  const keys = [...answersTo(sum.state, 'keys').values()].map((answer) => answer.keys).filter(isMember)
  const listed = expectStep(listKeys(sum.terms, keys, verify))
  const { agents } = listed.roster
  record(parts, active, 'keys', agents)
  const publicKeyOf = (agentId: string) => parts.ledger.member(agentId)?.publicKey ?? ''
  const roster = keys.map((one) => ({ ...one, publicKey: publicKeyOf(one.agent) }))
  const tell = (assignmentId: string): SumTelling => ({
    name: 'sum-roster',
    message: { assignmentId, agents: roster },
  })
  await step(parts, active, sum, { step: 'shares', agents, tell })
  const shares = [...answersTo(sum.state, 'shares').values()].flatMap((answer) => answer.shares)
  const { next, deliveries } = expectStep(deliverShares(listed, shares))
  record(parts, active, 'shares', next.senders)
  await step(parts, active, sum, {
    step: 'input',
    agents: next.senders,
    tell: (assignmentId, agentId) => {
      const { senders, shares: sealed } = deliveries.get(agentId) ?? { senders: [], shares: [] }
      const own = sealed.map(({ from, sealed: bytes }) => ({ from, sealed: bytes }))
      return { name: 'sum-delivery', message: { assignmentId, senders: [...senders], shares: own } }
    },
  })
  return next
}

/** Closes the round: no update is taken any more, and the sum is of those that are here. */
async function awaitInputs(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  collecting: Collecting,
): Promise<Closing> {
  const { runId } = active
  const round = openRoundOf(active)
  const marks = marksOf(active, round)
  parts.ledger.record({ type: 'round-closed', runId, round: round.round, marks })
  let state = collecting
  for (const contribution of contributionsOf(round)) {
    const bytes = await parts.disk.read(
      contributionPath(parts.updatesFolder, runId, round.round, contribution),
    )
    const sha256 = sha256Of(bytes)
    if (sha256 !== contribution.updateSha256)
      throw new LoricaError('LRC-5002', 'a masked update is damaged on disk', {
        expected: contribution.updateSha256,
        received: sha256,
      })
    const vector = unpackRing(bytes, sum.terms.elements, sum.terms.ring.bits)
    state = expectStep(addInput(state, { agent: contribution.agentId, vector }))
  }
  const closing = expectStep(closeInputs(state))
  record(parts, active, 'input', closing.survivors)
  const survivors = [...closing.survivors]
  await step(parts, active, sum, {
    step: 'confirmation',
    agents: survivors,
    tell: (assignmentId) => ({ name: 'sum-survivors', message: { assignmentId, survivors } }),
  })
  return closing
}

async function finish(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  { closing, startedMs }: { readonly closing: Closing; readonly startedMs: number },
): Promise<void> {
  const given = [...answersTo(sum.state, 'confirmation').values()].map((answer) => answer.confirmation)
  const confirmations = [...expectStep(gatherConfirmations(closing, given, verifierOf(parts)))]
  const agents = confirmations.map(({ agent }) => agent).sort()
  record(parts, active, 'confirmation', agents)
  await step(parts, active, sum, {
    step: 'reveal',
    agents,
    tell: (assignmentId) => ({ name: 'sum-confirmations', message: { assignmentId, confirmations } }),
  })
  const reveals = [...answersTo(sum.state, 'reveal').values()].map((answer) => answer.reveal)
  const unmaskedMs = parts.clock.monotonicMs()
  const done = expectStep(await finishSum(closing, reveals))
  const { runId } = active
  const round = openRoundOf(active)
  const bytes = packRing(done.sum, sum.terms.ring.bits)
  const sha256 = sha256Of(bytes)
  await writeDurably(parts.disk, updatePath(parts.updatesFolder, runId, round.round, sha256), bytes)
  const nowMs = parts.clock.monotonicMs()
  parts.ledger.record({
    ...{ type: 'sum-finished', runId, round: round.round },
    ...{ survivors: done.survivors, file: { sha256, sizeBytes: bytes.byteLength } },
    ms: Math.round(nowMs - startedMs),
    unmaskMs: Math.round(nowMs - unmaskedMs),
    ...{ said: { ...sum.said }, elements: sum.terms.elements },
  })
}

interface Waiting {
  readonly step: SumStep
  readonly agents: readonly string[]
  tell(assignmentId: string, agentId: string): SumTelling
}

/** Tells agents what they need for a step, and waits for their answers. */
async function step(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  { step: next, agents, tell }: Waiting,
): Promise<void> {
  const { seats } = openRoundOf(active)
  const sinceMs = parts.clock.monotonicMs()
  sum.state = awaiting(sum.state, next, agents)
  await parts.ledger.safe(active.abort.signal) // what the lists say is kept before anyone hears of them
  for (const agentId of agents) {
    const assignmentId = seats.get(agentId)?.assignmentId
    if (assignmentId === undefined || sum.state.gone.has(agentId)) continue
    sum.told.set(agentId, tell(assignmentId, agentId))
    tellAgain(parts, active, agentId)
  }
  await whileTicking(parts, active, () => {
    for (const agentId of missing(sum.state)) {
      if (next === 'input' && isHere(active, agentId)) continue
      const why = absenceIn(parts, active, sum, { agentId, sinceMs })
      if (why !== undefined) sum.state = without(sum.state, agentId, why)
    }
    return missing(sum.state).every((agentId) => next === 'input' && isHere(active, agentId))
  })
}

const isHere = (active: ActiveRun, agentId: string): boolean =>
  active.run().current?.seats.get(agentId)?.status === 'accepted'

const WAIT = 4 // leases that an agent has for a step without moving a byte
const ELEMENT_MS = 1e-4 // that masking an element for a neighbour may take

/** Why an agent is not waited for in a step any more; undefined while it is. */
function absenceIn(
  { clock, leaseMs, roster }: Parts,
  active: ActiveRun,
  { terms, movedAtMs }: OpenSum,
  { agentId, sinceMs }: { readonly agentId: string; readonly sinceMs: number },
): string | undefined {
  const seat = active.run().current?.seats.get(agentId)
  if (seat?.status === 'declined' || seat?.status === 'refused') return `${seat.code}: ${seat.message}`
  const nowMs = clock.monotonicMs()
  const contact = active.leases.contact(agentId)
  if (contact.kind !== 'connected' || roster.find(agentId) === undefined) {
    const awayMs = nowMs - Math.max(sinceMs, contact.kind === 'connected' ? sinceMs : contact.sinceMs)
    return awayMs < leaseMs ? undefined : 'it is not connected'
  }
  const patienceMs = WAIT * leaseMs + terms.elements * terms.degree * ELEMENT_MS
  const stillMs = nowMs - Math.max(sinceMs, movedAtMs.get(agentId) ?? 0)
  return stillMs < patienceMs ? undefined : `connected, but did nothing for ${Math.round(stillMs / 1000)} s`
}

/** Tells an agent what it was told last, if it is connected: it may have lost it with its link. */
export function tellAgain(parts: Pick<Parts, 'roster' | 'log'>, active: ActiveRun, agentId: string): void {
  const { sum } = active
  const telling = sum?.told.get(agentId)
  if (sum === null || telling === undefined || sum.state.gone.has(agentId)) return
  if (parts.roster.find(agentId) !== undefined) sum.said.bytesDown += encodeFrame(telling.message).byteLength
  parts.roster
    .find(agentId)
    ?.sendSum(telling)
    .catch((error: Error) => parts.log('sum-not-told', { agent: agentId, why: error.message }))
}

async function whileTicking(parts: Parts, active: ActiveRun, isTrue: () => boolean): Promise<void> {
  const cancel = parts.clock.every(tickMs(parts), () => active.bell.ring())
  try {
    await active.bell.until(isTrue, active.abort.signal)
  } finally {
    cancel()
  }
}

function record(
  parts: Parts,
  { runId, run }: ActiveRun,
  step: 'keys' | 'shares' | 'input' | 'confirmation',
  agents: readonly string[],
): void {
  const { round = 0 } = run().current ?? {}
  parts.ledger.record({ type: 'sum-step', runId, round, step, agents })
}

/** The next state of a sum. Throws LoricaError LRC-4018 for a refusal. */
function expectStep<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw notFinished(`${step.refused}: ${step.message}`)
  return step
}

/** The error for a secure sum that ends without its sum. */
export function notFinished(why: string): LoricaError {
  return new LoricaError('LRC-4018', `the secure sum was not finished: ${why}`)
}

function verifierOf({ ledger }: Parts): VerifyText {
  return (agentId, text, signature) => {
    const member = ledger.member(agentId)
    return member !== undefined && member.left === null && verifyText(member.publicKey, text, signature)
  }
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
