import { LoricaError } from '@lorica/protocol'
import { availableAgents } from '../fleet/availability.js'
import type { Measured } from '../journal/event.js'
import { measuresHeldOut } from '../runs/example-privacy.js'
import { holdOf } from '../runs/opening.js'
import { contributionsOf } from '../runs/round.js'
import { isPrivate } from '../runs/secure-terms.js'
import type { ActiveRun } from './active-run.js'
import { aggregateRound } from './aggregation.js'
import { commitRound } from './commit.js'
import { comparesExamples, judgeCandidate } from './judging.js'
import { type MeasureRequest, measure } from './measuring.js'
import { measureUnseen } from './measuring-unseen.js'
import type { Parts } from './parts.js'
import { sumRound } from './secure-round.js'
import { chooseAgents, suitedAgents } from './selection.js'
import { checkBase, linkBase } from './start.js'
import { failRound, failureOf, openRoundOf, planNextRound, trainRound, waitFor } from './training.js'

/**
 * Conducts a run from wherever its journal stands to its end: baseline, then rounds of train, aggregate, measure, commit, then a
 * last measurement on all held-out text. Throws LoricaError when the run cannot go on.
 */
export async function conduct(parts: Parts, active: ActiveRun): Promise<void> {
  const { spec, base } = active.run()
  parts.aggregator?.warm()
  linkBase(base, parts.blobs)
  if (active.run().rounds.length > 0 || active.run().current !== null) await checkBase(base, parts.models)
  if (active.run().baseline === null && active.run().current === null && measuresHeldOut(spec)) {
    await measureBaseline(parts, active)
  }
  while (active.run().rounds.length < spec.rounds.count) {
    if (active.run().current === null) await planNextRound(parts, active)
    await conductRound(parts, active)
  }
  if (active.run().release === null) {
    throw new LoricaError('LRC-3012', `none of ${spec.rounds.count} candidates passed the gate`)
  }
  if (measuresHeldOut(spec) && active.run().final === null) await measureFinal(parts, active)
}

/** The updates overflow, are too few for a rule, or one of them was damaged on disk: the agents are asked for others, or for the same again. */
const ANOTHER_ATTEMPT = ['LRC-7006', 'LRC-7008', 'LRC-5002', 'LRC-4018']

async function conductRound(parts: Parts, active: ActiveRun): Promise<void> {
  const another = (error: unknown): undefined => {
    if (!(error instanceof LoricaError) || !ANOTHER_ATTEMPT.includes(error.code)) throw error
    failRound(parts, active, `${error.code}: ${error.message}`)
  }
  const take = isPrivate(active.run().spec) ? sumRound : trainRound
  const taken = await take(parts, active).catch(another)
  if (taken === 'failed') failRound(parts, active, failureOf(openRoundOf(active)))
  if (taken !== 'complete') return
  const aggregated = await aggregateRound(parts, active).catch(another)
  if (aggregated === undefined) return
  const { spec } = active.run()
  const round = openRoundOf(active)
  const adapter = { version: parts.registry.nextVersion(), files: round.candidate ?? [] }
  const agents = measuresHeldOut(spec) ? contributionsOf(round).map(({ agentId }) => agentId) : []
  const measured =
    round.held?.measured ??
    (await measureAs(parts, active, {
      ...{ adapter, round: round.round, agents, maxTokens: spec.evaluate.tokens },
      ...(comparesExamples(spec) ? { against: active.run().adapter } : {}),
    }))
  const verdict = await judgeCandidate(parts, active, measured)
  await commitRound(parts, active, { measured, verdict, durable: aggregated.durable })
}

/** Has agents measure; in a private run each loss leaves in a sum only. */
function measureAs(parts: Parts, active: ActiveRun, request: MeasureRequest): Promise<Measured> {
  return (isPrivate(active.run().spec) ? measureUnseen : measure)(parts, active, request)
}

async function measureBaseline(parts: Parts, active: ActiveRun): Promise<void> {
  const { spec, runId, adapter } = active.run()
  const { minimum, where } = spec.rounds
  const willing = () => suitedAgents(active.run(), availableAgents(parts)).suited
  const held = () => holdOf(active.run(), parts.clock.now())
  for (;;) {
    const hold = held()
    if (hold !== undefined) {
      await waitFor(parts, active, hold, () => held()?.reason !== hold.reason)
      continue
    }
    if (willing().length >= minimum) break
    const count = willing().length
    const found = where === null ? 'connected' : 'connected and selected by rounds.where'
    const reason = `the run needs ${minimum} ${minimum === 1 ? 'agent' : 'agents'}, ${count} ${found}`
    const isOver = () => held() !== undefined || willing().length !== count
    await waitFor(parts, active, { reason, untilMs: null }, isOver)
  }
  const agents = chooseAgents(active.run(), 0, willing())
  const request = {
    adapter,
    round: 0,
    agents: agents.map(({ agentId }) => agentId),
    maxTokens: spec.evaluate.tokens,
  }
  const measured = await measureAs(parts, active, request)
  parts.ledger.record({ type: 'baseline-evaluated', runId, measured })
}

async function measureFinal(parts: Parts, active: ActiveRun): Promise<void> {
  const { adapter, runId, rounds } = active.run()
  const contributors = rounds.at(-1)?.contributions ?? [] // after a restart they may still be on their way back
  const { suited } = suitedAgents(active.run(), availableAgents(parts))
  const agents = [...new Set([...contributors, ...suited].map(({ agentId }) => agentId))]
  const request = { adapter, round: rounds.length, agents, maxTokens: null }
  const measured = await measureAs(parts, active, request)
  parts.ledger.record({ type: 'final-evaluated', runId, measured })
}
