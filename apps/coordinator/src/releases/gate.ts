import { LEAST_COHORT } from '@lorica/privacy'
import type { GuardFinding, RunSpec } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'
import { findingText } from './finding-text.js'
import { guardFindings, type LabelsOf, type Losses } from './guards.js'

/** Whether a candidate becomes a release, why, and what was compared. `held`: a person decides. */
export interface Verdict {
  readonly verdict: 'released' | 'rejected' | 'held'
  readonly reason: string
  readonly loss: number | null // of the candidate, over the agents that measured both
  readonly parentLoss: number | null
  readonly guards: readonly GuardFinding[]
}

/** What of the settings of an evaluation decides. */
type Evaluate = Pick<RunSpec['evaluate'], 'holdout' | 'guards'>

/** The verdict over a candidate of sites or examples that are protected: what was measured tells of their data, so it decides nothing. */
export function unmeasured({ loss }: Measured): Verdict {
  const reason = 'what agents measure decides nothing where sites or examples are protected'
  return { verdict: 'released', reason, loss, parentLoss: null, guards: [] }
}

/**
 * Decides over a candidate. It must have been measured unless nothing is held out, its loss must be finite, and no guard may be
 * broken. Means are over agents that measured both, each with its tokens.
 */
export function judge(
  candidate: Measured,
  parent: Measured | null,
  evaluate: Evaluate,
  labelsOf?: LabelsOf,
): Verdict {
  const { loss } = candidate
  if (loss === null) {
    const isUnmeasured = evaluate.holdout === 0
    return {
      verdict: isUnmeasured ? 'released' : 'rejected',
      reason: isUnmeasured ? 'nothing is held out, so it was not measured' : 'no agent measured it',
      ...{ loss, parentLoss: null, guards: [] },
    }
  }
  const losses = lossesOfBoth(candidate, parent)
  return decided(losses, guardFindings(evaluate.guards, candidate, losses, labelsOf), loss)
}

/**
 * The same where only the mean over all agents is told: the losses are compared as they are, whoever measured. A candidate that too few
 * agents measured is rejected.
 */
export function judgePooled(candidate: Measured, parent: Measured | null, evaluate: Evaluate): Verdict {
  const { loss } = candidate
  const parentLoss = parent?.loss ?? null
  if (loss !== null && parentLoss !== null) {
    const losses = { loss, parentLoss }
    return decided(losses, guardFindings(evaluate.guards, candidate, losses), loss)
  }
  const verdict = judge(candidate, null, evaluate)
  if (verdict.verdict !== 'rejected') return verdict
  const { unmeasured: why } = candidate
  return {
    ...verdict,
    reason:
      why === undefined
        ? `fewer than ${LEAST_COHORT} agents measured it, so nothing is told of their losses`
        : `it was not measured: ${why}`,
  }
}

/** Null where no agent measured both. */
function lossesOfBoth(candidate: Measured, parent: Measured | null): Losses | null {
  const before = new Map(parent?.perAgent.map((agent) => [agent.agentId, agent.loss]))
  const both = candidate.perAgent.filter(({ agentId }) => before.has(agentId))
  if (both.length === 0) return null
  const tokens = both.reduce((sum, agent) => sum + agent.tokens, 0)
  return {
    loss: both.reduce((sum, agent) => sum + agent.loss * agent.tokens, 0) / tokens,
    parentLoss: both.reduce((sum, agent) => sum + before.get(agent.agentId)! * agent.tokens, 0) / tokens,
  }
}

/** A guard that fails rejects; else one that cannot tell leaves it to a person. */
function decided(losses: Losses | null, guards: readonly GuardFinding[], loss: number): Verdict {
  const change =
    losses === null
      ? 'nothing to compare it with'
      : `loss ${losses.loss.toFixed(4)}, before ${losses.parentLoss.toFixed(4)}`
  const numbers = { loss: losses?.loss ?? loss, parentLoss: losses?.parentLoss ?? null, guards }
  const enforced = guards.filter(({ mode }) => mode === 'enforce')
  const broken = enforced.find(({ verdict }) => verdict === 'fail')
  if (broken !== undefined)
    return { verdict: 'rejected', reason: `${change}: ${findingText(broken)}`, ...numbers }
  const open = enforced.find(({ verdict }) => verdict === 'inconclusive')
  if (open !== undefined) return { verdict: 'held', reason: `${change}: ${findingText(open)}`, ...numbers }
  return { verdict: 'released', reason: change, ...numbers }
}
