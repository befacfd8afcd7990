import type { AgentEvaluation, Evaluation } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'

/** One adapter that is being measured by some agents. */
export interface Measurement {
  readonly assignments: ReadonlyMap<string, string> // agentId -> assignmentId
  readonly answers: ReadonlyMap<string, Answer | null> // null: declined
}

/** What an agent measured. */
export type Answer = Pick<Evaluation, 'lossSum' | 'tokens' | 'comparison'>

/** A measurement that nobody has answered. */
export function openMeasurement(assignments: ReadonlyMap<string, string>): Measurement {
  return { assignments, answers: new Map() }
}

/** Takes one answer, or null for an agent that cannot measure. The first answer of an agent counts. */
export function answerMeasurement(state: Measurement, agentId: string, answer: Answer | null): Measurement {
  if (!state.assignments.has(agentId) || state.answers.has(agentId)) return state
  return { ...state, answers: new Map([...state.answers, [agentId, answer]]) }
}

/** Whether every agent that is not away has answered. */
export function isMeasured(state: Measurement, away: ReadonlySet<string>): boolean {
  return [...state.assignments.keys()].every((agentId) => state.answers.has(agentId) || away.has(agentId))
}

/** The mean loss over all tokens, and each agent's own. Agents are added in the order of their ids. */
export function measuredOf(state: Measurement, seconds: number): Measured {
  const perAgent: AgentEvaluation[] = []
  const comparisons: NonNullable<Measured['comparisons']>[number][] = []
  let lossSum = 0
  let tokens = 0
  for (const agentId of [...state.answers.keys()].sort()) {
    const answer = state.answers.get(agentId)
    if (answer === null || answer === undefined || answer.tokens === 0 || !Number.isFinite(answer.lossSum))
      continue
    perAgent.push({ agentId, loss: answer.lossSum / answer.tokens, tokens: answer.tokens })
    if (answer.comparison !== undefined) comparisons.push({ agentId, comparison: answer.comparison })
    lossSum += answer.lossSum
    tokens += answer.tokens
  }
  return {
    ...{ loss: tokens === 0 ? null : lossSum / tokens, tokens, perAgent, seconds },
    ...(comparisons.length === 0 ? {} : { comparisons }),
  }
}
