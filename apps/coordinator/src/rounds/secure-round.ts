/**
 * Rounds whose updates are summed without being seen: training, then the five steps of a secure sum. A step waits for whoever answers,
 * moves bytes or may still come back; who does not drops out. A sum that cannot be finished ends its attempt at the round.
 * @module
 */
import { createHash } from 'node:crypto'
import {
  type Advertisement,
  type Closing,
  type Collecting,
  closeInputs,
  deliverShares,
  finishSum,
  gatherConfirmations,
  listKeys,
  packRing,
  type VerifyText,
} from '@lorica/privacy'
import { rotationsText, verifyText } from '@lorica/protocol'
import { addInputs, type StoredInput } from '../aggregation/masked-sum.js'
import type { SumTelling } from '../fleet/sum-telling.js'
import { contributionsOf, phaseOf } from '../runs/round.js'
import { sumTerms } from '../runs/secure-terms.js'
import { tensorsOf } from '../runs/strategy.js'
import { answersTo } from '../runs/sum-state.js'
import { writeDurably } from '../store/durable.js'
import { contributionPath, updatePath } from '../store/updates.js'
import { type ActiveRun, momentOf } from './active-run.js'
import { createOpenSum, type OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { chargeSum } from './privacy-charges.js'
import { expectStep, notFinished } from './sum-refusal.js'
import { takeStep, whileTicking } from './sum-step.js'
import { askToTrain, marksOf, openRoundOf } from './training.js'

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
  const roster = keys.map((one) => ({ ...one, ...identityOf(parts, one.agent) }))
  const tell = (assignmentId: string): SumTelling => ({
    name: 'sum-roster',
    message: { assignmentId, agents: roster },
  })
  await takeStep(parts, active, sum, { step: 'shares', agents, tell })
  const shares = [...answersTo(sum.state, 'shares').values()].flatMap((answer) => answer.shares)
  const { next, deliveries } = expectStep(deliverShares(listed, shares))
  record(parts, active, 'shares', next.senders)
  await takeStep(parts, active, sum, {
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
  const inputs = contributionsOf(round).map((contribution): StoredInput => {
    const { agentId, updateSha256 } = contribution
    const path = contributionPath(parts.updatesFolder, runId, round.round, contribution)
    return { agentId, path, sha256: updateSha256 }
  })
  const { aggregator, disk } = parts
  const added = await (aggregator?.addInputs(collecting, inputs) ?? addInputs(disk, collecting, inputs))
  active.abort.signal.throwIfAborted()
  const closing = expectStep(closeInputs(expectStep(added)))
  record(parts, active, 'input', closing.survivors)
  const survivors = [...closing.survivors]
  await takeStep(parts, active, sum, {
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
  chargeSum(parts, active)
  await takeStep(parts, active, sum, {
    step: 'reveal',
    agents,
    tell: (assignmentId) => ({ name: 'sum-confirmations', message: { assignmentId, confirmations } }),
  })
  const reveals = [...answersTo(sum.state, 'reveal').values()].map((answer) => answer.reveal)
  const unmaskedMs = parts.clock.monotonicMs()
  const opened = await (parts.aggregator?.finishSum(closing, reveals) ?? finishSum(closing, reveals))
  active.abort.signal.throwIfAborted()
  const done = expectStep(opened)
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

function record(
  parts: Parts,
  { runId, run }: ActiveRun,
  step: 'keys' | 'shares' | 'input' | 'confirmation',
  agents: readonly string[],
): void {
  const { round = 0 } = run().current ?? {}
  parts.ledger.record({ type: 'sum-step', runId, round, step, agents })
}

/** The key of an agent, and how it came from the one that its id was made of. */
function identityOf({ ledger }: Parts, agentId: string) {
  const { publicKey = '', rotations = [] } = ledger.member(agentId) ?? {}
  return { publicKey, ...(rotations.length === 0 ? {} : { rotations: rotationsText(rotations) }) }
}

function verifierOf({ ledger }: Parts): VerifyText {
  return (agentId, text, signature) => {
    const member = ledger.member(agentId)
    return member !== undefined && member.left === null && verifyText(member.publicKey, text, signature)
  }
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
