import { elementsIn, planGraph, type SumTerms, steppedRing, termsProblem } from '@lorica/privacy'
import { LoricaError, type RunSpec } from '@lorica/protocol'
import type { AdapterShapes } from './strategy.js'

/** Whether the updates of a run are summed without being seen. */
export function isPrivate({ aggregate }: Pick<RunSpec, 'aggregate'>): boolean {
  return aggregate.trust === 'private'
}

const COMPLETE_UP_TO = 100
const MOST_SHARES = 255

/** What a round of so many agents demands of its sum. */
type Demands = Pick<SumTerms, 'degree' | 'threshold' | 'minSurvivors'>

/**
 * Neighbours, threshold and survivors for a sum of `agents`, as the run asks for. Survivors are so many that the agents that may work
 * together with the coordinator could not be told two lists. Throws LoricaError LRC-4018 when no such sum protects.
 */
export function sumDemands(
  { rounds, privacy }: Pick<RunSpec, 'rounds' | 'privacy'>,
  agents: number,
): Demands {
  const { minSurvivors = rounds.minimum, colluding = 0.2, threshold, graph } = privacy.secureAggregation ?? {}
  try {
    if (agents < 3) throw new RangeError(`agents expected 3 or more, got ${agents}`)
    const corrupt = Math.floor(agents * colluding)
    const leastSurvivors = agents - Math.floor((agents - corrupt - 1) / 2)
    const survivors = Math.max(minSurvivors, leastSurvivors)
    const plan = planGraph({
      agents,
      corruptShare: (corrupt + 0.5) / agents, // it rounds down
      dropoutShare: Math.max(0, agents - survivors + 0.5) / agents,
      completeUpTo: graph === 'complete' ? MOST_SHARES : COMPLETE_UP_TO,
    })
    const above = Math.floor((plan.degree + 1) / 2) + 1 // half of the shares
    const stated = threshold === undefined ? plan.threshold : Math.max(threshold, corrupt + 1, above)
    return { ...plan, threshold: Math.min(stated, plan.degree + 1) }
  } catch (error) {
    throw new LoricaError('LRC-4018', `no secure sum of ${agents} agents: ${(error as Error).message}`)
  }
}

/** The terms of the secure sum of a round. Throws LoricaError LRC-4018 when there are none that protect. */
export function sumTerms(
  { runId, spec }: { readonly runId: string; readonly spec: Pick<RunSpec, 'rounds' | 'privacy'> },
  {
    round,
    attempt,
    seats,
  }: { readonly round: number; readonly attempt: number; readonly seats: { readonly size: number } },
  shared: AdapterShapes,
): SumTerms {
  const { clip, secureAggregation } = spec.privacy
  const agents = seats.size
  const demands = sumDemands(spec, agents)
  const ring = steppedRing({ agents, bound: clip ?? Number.NaN }, secureAggregation?.bits ?? 32)
  const terms = { runId, round, attempt, elements: elementsIn(shared), ring, ...demands }
  const problem = termsProblem(terms, 2)
  if (problem === null) return terms
  throw new LoricaError('LRC-4018', `no secure sum of ${agents} agents: ${problem.message}`)
}
