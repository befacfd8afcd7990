import {
  elementsIn,
  LEAST_COHORT,
  MEASURED_ELEMENTS,
  type Measures,
  measuredRing,
  type NoiseShare,
  noiseShare,
  noisyRing,
  planGraph,
  type SumTerms,
  steppedRing,
  termsProblem,
} from '@lorica/privacy'
import { LoricaError, type RunSpec } from '@lorica/protocol'
import type { AdapterShapes } from './strategy.js'

/** Whether the updates of a run are summed without being seen. */
export function isPrivate({ aggregate }: Pick<RunSpec, 'aggregate'>): boolean {
  return aggregate.trust === 'private'
}

const COMPLETE_UP_TO = 100
const MOST_SHARES = 255

const COLLUDING = 0.2 // of the agents, where a run says nothing

/** How many of the agents of a sum may work together with the coordinator. */
export function colludersOf({ privacy }: Pick<RunSpec, 'privacy'>, agents: number): number {
  return Math.floor(agents * (privacy.secureAggregation?.colluding ?? COLLUDING))
}

/** What a round of so many agents demands of its sum. */
type Demands = Pick<SumTerms, 'degree' | 'threshold' | 'minSurvivors'>

/**
 * Neighbours, threshold and survivors for a sum of `agents`, as the run asks for. Survivors are so many that the agents that may work
 * together with the coordinator could not be told two lists, and no fewer than `least`. Throws LoricaError LRC-4018 when no such sum protects.
 */
export function sumDemands(spec: Pick<RunSpec, 'rounds' | 'privacy'>, agents: number, least = 0): Demands {
  const { rounds, privacy } = spec
  const { minSurvivors = rounds.minimum, threshold, graph } = privacy.secureAggregation ?? {}
  try {
    if (agents < 3) throw new RangeError(`agents expected 3 or more, got ${agents}`)
    const corrupt = colludersOf(spec, agents)
    const leastSurvivors = agents - Math.floor((agents - corrupt - 1) / 2)
    const survivors = Math.max(minSurvivors, leastSurvivors, least)
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

/**
 * The part of noise of `deviation` that each agent of a sum adds: with that of the fewest survivors, without those that may work together
 * with the coordinator, there is all of it. Throws LoricaError LRC-4018 for so few seats that there is no sum.
 */
export function shareOf(
  spec: Pick<RunSpec, 'rounds' | 'privacy'>,
  seats: number,
  deviation: number,
): NoiseShare & { readonly colluding: number } {
  const colluding = colludersOf(spec, seats)
  return { ...noiseShare(deviation, sumDemands(spec, seats).minSurvivors - colluding), colluding }
}

/** What the terms of a sum follow from, of a round. */
interface SumRound {
  readonly round: number
  readonly attempt: number
  readonly seats: { readonly size: number }
  readonly privacy?: { readonly share?: NoiseShare } | null
}

/** The terms of the secure sum of a round. Throws LoricaError LRC-4018 when there are none that protect. */
export function sumTerms(
  { runId, spec }: { readonly runId: string; readonly spec: Pick<RunSpec, 'rounds' | 'privacy'> },
  { round, attempt, seats, privacy }: SumRound,
  shared: AdapterShapes,
): SumTerms {
  const agents = seats.size
  const refuse = (why: string): LoricaError =>
    new LoricaError('LRC-4018', `no secure sum of ${agents} agents: ${why}`)
  const demands = sumDemands(spec, agents)
  const { ring, noise } = ringFor(spec, agents, privacy?.share, refuse)
  const terms = { runId, round, attempt, elements: elementsIn(shared), ring, ...demands, ...noise }
  const problem = termsProblem(terms, 2)
  if (problem === null) return terms
  throw refuse(problem.message)
}

/** The terms of the sum of what `agents` measure. Throws LoricaError LRC-4018 when there are none that protect. */
export function measuredTerms(
  { runId, spec }: { readonly runId: string; readonly spec: Pick<RunSpec, 'rounds' | 'privacy'> },
  {
    agents,
    ...of
  }: {
    readonly round: number
    readonly attempt: number
    readonly agents: number
    readonly measures: Measures
  },
): SumTerms {
  const demands = sumDemands(spec, agents, LEAST_COHORT)
  const terms = { runId, ...of, elements: MEASURED_ELEMENTS, ring: measuredRing(agents), ...demands }
  const problem = termsProblem(terms, LEAST_COHORT)
  if (problem === null) return terms
  throw new LoricaError('LRC-4018', `no secure sum of ${agents} agents: ${problem.message}`)
}

function ringFor(
  { privacy }: Pick<RunSpec, 'privacy'>,
  agents: number,
  share: NoiseShare | undefined,
  refuse: (why: string) => LoricaError,
): Pick<SumTerms, 'ring'> & { readonly noise: Pick<SumTerms, 'noise'> } {
  const { clip, secureAggregation: { bits = 32 } = {} } = privacy
  const values = { agents, bound: clip ?? Number.NaN }
  if (share === undefined) return { ring: steppedRing(values, bits), noise: {} }
  const { deviation, honest } = share
  try {
    return { ring: noisyRing(values, share, bits), noise: { noise: { deviation, honest } } }
  } catch (error) {
    throw refuse((error as Error).message)
  }
}
