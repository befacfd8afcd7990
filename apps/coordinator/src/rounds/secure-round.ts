/**
 * Rounds whose updates are summed without being seen: training, then the five steps of a secure sum. A step waits for whoever answers,
 * moves bytes or may still come back; who does not drops out. A sum that cannot be finished ends its attempt at the round.
 * @module
 */
import { createHash } from 'node:crypto'
import { type Closing, type Collecting, closeInputs, packRing } from '@lorica/privacy'
import { trainingHash } from '@lorica/protocol'
import { addInputs, type StoredInput } from '../aggregation/masked-sum.js'
import { contributionsOf, phaseOf } from '../runs/round.js'
import { sumTerms } from '../runs/secure-terms.js'
import { tensorsOf } from '../runs/strategy.js'
import { answersTo } from '../runs/sum-state.js'
import { writeDurably } from '../store/durable.js'
import { contributionPath, updatePath } from '../store/updates.js'
import { type ActiveRun, momentOf } from './active-run.js'
import { createOpenSum, type OpenSum, type SumSeat } from './open-sum.js'
import type { Parts } from './parts.js'
import { chargeSum } from './privacy-charges.js'
import { expectStep, notFinished } from './sum-refusal.js'
import { whileTicking } from './sum-step.js'
import { awaitInputs, confirmSum, type OnList, revealSum } from './sum-steps.js'
import { askToTrain, assignmentOf, marksOf, openRoundOf } from './training.js'

/** Trains a round and sums its updates. Throws LoricaError LRC-4018 when the sum cannot be finished. */
export async function sumRound(parts: Parts, active: ActiveRun): Promise<'complete' | 'failed'> {
  const { runId } = active
  const round = openRoundOf(active)
  if (round.sum?.file != null) return 'complete'
  if (round.sum !== null || round.isClosed) throw notFinished('the coordinator was restarted meanwhile')
  const { shared } = tensorsOf(active.run().spec, await active.adapter(), round.round)
  const [seat] = round.seats.values()
  const training = seat === undefined ? '' : trainingHash(await assignmentOf(active, round, seat))
  const terms = { ...sumTerms(active.run(), round, shared), training }
  const sum = createOpenSum(terms, (agentId) => seatIn(active, agentId))
  const onList: OnList = (step, agents) =>
    parts.ledger.record({ type: 'sum-step', runId, round: round.round, step, agents })
  active.sum = sum
  try {
    if ((await awaitKeys(parts, active, sum)) === 'failed') return 'failed'
    const startedMs = parts.clock.monotonicMs()
    const collecting = await awaitInputs(parts, active, sum, onList)
    const closing = await closeRound(parts, active, collecting)
    const confirmations = await confirmSum(parts, active, sum, { closing, onList })
    chargeSum(parts, active)
    const opened = await revealSum(parts, active, sum, { closing, confirmations })
    await keep(parts, active, sum, { ...opened, startedMs })
    return 'complete'
  } finally {
    active.sum = null
  }
}

/** The seat of an agent in the open round, as its sum sees it. */
function seatIn(active: ActiveRun, agentId: string): SumSeat | undefined {
  const seat = active.run().current?.seats.get(agentId)
  if (seat === undefined) return undefined
  const { assignmentId, status } = seat
  const over = status === 'declined' || status === 'refused' ? { over: `${seat.code}: ${seat.message}` } : {}
  return { assignmentId, isIn: status === 'accepted', ...over }
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

/** Closes the round: no update is taken any more, and the sum is of those that are here. */
async function closeRound(parts: Parts, active: ActiveRun, collecting: Collecting): Promise<Closing> {
  const { runId } = active
  const round = openRoundOf(active)
  const marks = marksOf(active, round)
  parts.ledger.record({ type: 'round-closed', runId, round: round.round, marks })
  const inputs = contributionsOf(round).map((contribution): StoredInput => {
    const { agentId, updateSha256 } = contribution
    const path = contributionPath(parts.updatesFolder, runId, round.round, contribution)
    return { agentId, path, sha256: updateSha256 }
  })
  const { aggregator, disk } = parts
  const added = await (aggregator?.addInputs(collecting, inputs) ?? addInputs(disk, collecting, inputs))
  active.abort.signal.throwIfAborted()
  return expectStep(closeInputs(expectStep(added)))
}

/** Keeps the sum beside the updates, and has the journal tell of it. */
async function keep(
  parts: Parts,
  active: ActiveRun,
  { terms, said }: OpenSum,
  done: Awaited<ReturnType<typeof revealSum>> & { readonly startedMs: number },
): Promise<void> {
  const { runId } = active
  const round = openRoundOf(active)
  const bytes = packRing(done.sum, terms.ring.bits)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await writeDurably(parts.disk, updatePath(parts.updatesFolder, runId, round.round, sha256), bytes)
  parts.ledger.record({
    ...{ type: 'sum-finished', runId, round: round.round },
    ...{ survivors: done.survivors, file: { sha256, sizeBytes: bytes.byteLength } },
    ms: Math.round(parts.clock.monotonicMs() - done.startedMs),
    unmaskMs: done.unmaskMs,
    ...{ said: { ...said }, elements: terms.elements },
  })
}
