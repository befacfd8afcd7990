import { LEAST_COHORT } from '@lorica/privacy'
import type { RunSpec } from '@lorica/protocol'
import type { Measured } from '../journal-event.js'

/** Whether a candidate becomes a release, why, and the two numbers that were compared. */
export interface Verdict {
  readonly verdict: 'released' | 'rejected'
  readonly reason: string
  readonly loss: number | null // of the candidate, over the agents that measured both
  readonly parentLoss: number | null
}

/** The verdict over a candidate of sites or examples that are protected: what was measured tells of their data, so it decides nothing. */
export function unmeasured({ loss }: Measured): Verdict {
  const reason = 'what agents measure decides nothing where sites or examples are protected'
  return { verdict: 'released', reason, loss, parentLoss: null }
}

/**
 * Decides over a candidate. It must have been measured unless nothing is held out, its loss must be finite, and no guard may be
 * broken: loss <= parent's loss * (1 + worseBy). Only agents that measured both count, each with its tokens.
 */
export function judge(candidate: Measured, parent: Measured | null, evaluate: RunSpec['evaluate']): Verdict {
  if (candidate.loss === null) {
    const isUnmeasured = evaluate.holdout === 0
    return {
      verdict: isUnmeasured ? 'released' : 'rejected',
      reason: isUnmeasured ? 'nothing is held out, so it was not measured' : 'no agent measured it',
      loss: null,
      parentLoss: null,
    }
  }
  const before = new Map(parent?.perAgent.map((agent) => [agent.agentId, agent.loss]))
  const both = candidate.perAgent.filter(({ agentId }) => before.has(agentId))
  if (both.length === 0) {
    return {
      verdict: 'released',
      reason: 'nothing to compare it with',
      loss: candidate.loss,
      parentLoss: null,
    }
  }
  const tokens = both.reduce((sum, agent) => sum + agent.tokens, 0)
  const loss = both.reduce((sum, agent) => sum + agent.loss * agent.tokens, 0) / tokens
  const parentLoss = both.reduce((sum, agent) => sum + before.get(agent.agentId)! * agent.tokens, 0) / tokens
  return compared({ loss, parentLoss }, evaluate)
}

/**
 * The same where only the mean over all agents is told: the losses are compared as they are, whoever measured. A candidate that too few
 * agents measured is rejected.
 */
export function judgePooled(
  candidate: Measured,
  parent: Measured | null,
  evaluate: RunSpec['evaluate'],
): Verdict {
  const { loss } = candidate
  const parentLoss = parent?.loss ?? null
  if (loss !== null && parentLoss !== null) return compared({ loss, parentLoss }, evaluate)
  const verdict = judge(candidate, null, evaluate)
  return verdict.verdict === 'rejected'
    ? {
        ...verdict,
        reason: `fewer than ${LEAST_COHORT} agents measured it, so nothing is told of their losses`,
      }
    : verdict
}

function compared(
  { loss, parentLoss }: { readonly loss: number; readonly parentLoss: number },
  evaluate: RunSpec['evaluate'],
): Verdict {
  const broken = evaluate.guards.find(({ worseBy }) => loss > parentLoss * (1 + worseBy))
  const change = `loss ${loss.toFixed(4)}, before ${parentLoss.toFixed(4)}`
  if (broken === undefined) return { verdict: 'released', reason: change, loss, parentLoss }
  const limit = `${(broken.worseBy * 100).toFixed(1)}%`
  return { verdict: 'rejected', reason: `${change}: worse by more than ${limit}`, loss, parentLoss }
}
