import type { AgentEvaluation, RunView } from '@lorica/protocol'

/** The loss on held-out text after each round, and how far the agents lie apart in it. Round 0 is before training. */
export interface LossCurve {
  readonly rounds: readonly number[]
  readonly mean: readonly (number | null)[] // of the candidate, over tokens
  readonly released: readonly (number | null)[] // of what was released; null where a candidate was turned down
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
  readonly band: 'all' | 'most' | 'none' // all: lowest to highest; most: 10th to 90th percentile; none: agents keep theirs to themselves
}

const FEW = 10 // agents, up to which the band goes from the lowest to the highest

/** The curve of a run. */
export function lossCurve({ baseline, rounds }: Pick<RunView, 'baseline' | 'rounds'>): LossCurve {
  const points = [
    ...(baseline === null ? [] : [{ round: 0, loss: baseline.loss, agents: baseline.perAgent, isOut: true }]),
    ...rounds.map(({ round, loss, evaluation, verdict }) => ({
      ...{ round, loss, agents: evaluation, isOut: verdict === 'released' },
    })),
  ]
  const most = Math.max(0, ...points.map(({ agents }) => agents.length))
  const edge = most > FEW ? 0.1 : 0
  const spread = points.map(({ agents }) => spreadOf(agents, edge))
  return {
    rounds: points.map(({ round }) => round),
    mean: points.map(({ loss }) => loss),
    released: points.map(({ loss, isOut }) => (isOut ? loss : null)),
    low: spread.map(([low]) => low),
    high: spread.map(([, high]) => high),
    band: most < 2 ? 'none' : edge > 0 ? 'most' : 'all',
  }
}

function spreadOf(agents: readonly AgentEvaluation[], edge: number): readonly [number | null, number | null] {
  if (agents.length < 2) return [null, null]
  const losses = agents.map(({ loss }) => loss).toSorted((a, b) => a - b)
  return [quantile(losses, edge), quantile(losses, 1 - edge)]
}

/** Of sorted values, with linear interpolation between neighbours, as numpy.quantile. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] as number
  const above = sorted[Math.ceil(at)] as number
  return below + (above - below) * (at - Math.floor(at))
}

/** What the curve shows, in a sentence for those who do not see it. */
export function curveText({ rounds, mean, low, high, band }: LossCurve): string {
  const last = mean.findLastIndex((loss) => loss !== null)
  const first = mean.findIndex((loss) => loss !== null)
  if (last < 0) return 'No loss was measured yet.'
  const at = (index: number) =>
    `${mean[index]?.toFixed(4)} ${rounds[index] === 0 ? 'before training' : `after round ${rounds[index]}`}`
  const way = first === last ? `Loss ${at(first)}` : `Loss ${at(first)}, ${at(last)}`
  if (band === 'none' || low[last] === null) return `${way}.`
  const whose = band === 'all' ? 'agents' : '80 % of the agents'
  return `${way}; ${whose} lie between ${low[last]?.toFixed(4)} and ${high[last]?.toFixed(4)}.`
}
