/**
 * A release beside the champion, at any look: losses of the same held-out rows, and the requests that agents answered. Each interval holds over
 * all looks together, so looking often raises no more false alarms (`libs/evidence`).
 * @module
 */
import {
  added,
  type Interval,
  lookAtPairs,
  meanOf,
  pairedVerdict,
  rateInterval,
  type Sums,
  varianceOf,
} from '@lorica/evidence'
import type { Answered, MetricView, RolloutMetric, RolloutSpec, RolloutVerdict } from '@lorica/protocol'
import type { LossPairs } from '../journal/rollout-event.js'

/** How requests went on one agent. */
export interface AgentHealth {
  readonly now: Answered // under the release
  readonly before: Answered | null // under the champion
}

/** What is known of the agents that are looked at. */
export interface Observed {
  readonly losses: readonly LossPairs[]
  readonly health: readonly AgentHealth[]
  readonly mayMeasure: boolean // false: losses are not asked for where sites or examples are protected
}

type Analysis = RolloutSpec['analysis'][number]

interface Look {
  readonly champion: number | null
  readonly difference: number | null
  readonly low: number
  readonly high: number
  readonly tolerated: number | null
  readonly count: number
}

/**
 * Each metric of a plan, of all agents and of those of the newest group: what regresses in one cohort is not hidden by the others. The chance `plan.alpha` of a false
 * alarm is shared by the metrics and by all groups.
 */
export function analyse(
  plan: Pick<RolloutSpec, 'analysis' | 'alpha' | 'groups'>,
  of: readonly { readonly of: string; readonly observed: Observed }[],
): readonly MetricView[] {
  const parts = Math.max(1, plan.analysis.length) * (1 + plan.groups.length)
  return plan.analysis.flatMap((analysis) =>
    of.map(({ of: name, observed }) =>
      metricView(analysis, observed, { of: name, alpha: plan.alpha / parts }),
    ),
  )
}

/** What the metrics that count say together: one that fails is enough, and so is one that is open where the plan waits for it. */
export function verdictOf(
  plan: Pick<RolloutSpec, 'analysis'>,
  metrics: readonly MetricView[],
): RolloutVerdict {
  const counting = metrics.filter(({ isEnforced }) => isEnforced)
  if (counting.some(({ verdict }) => verdict === 'fail')) return 'fail'
  const waits = (metric: RolloutMetric) =>
    plan.analysis.some((one) => one.metric === metric && one.whenInconclusive === 'pause')
  return counting.some(({ metric, verdict }) => verdict === 'inconclusive' && waits(metric))
    ? 'inconclusive'
    : 'pass'
}

function metricView(
  analysis: Analysis,
  observed: Observed,
  { of, alpha }: { readonly of: string; readonly alpha: number },
): MetricView {
  const { metric, mode } = analysis
  const isEnforced = mode === 'enforce'
  if (metric === 'loss' && !observed.mayMeasure) return skipped(metric, of, isEnforced)
  const look = looks[metric](analysis, observed, alpha)
  const interval: Interval = { ...look, mean: look.difference ?? 0, standardError: 0 }
  const verdict = look.difference === null ? 'inconclusive' : pairedVerdict(interval, look.tolerated ?? 0)
  const known = (value: number) => (Number.isFinite(value) ? value : null)
  return {
    ...{ metric, of, verdict, isEnforced, champion: look.champion, difference: look.difference },
    ...{ low: known(look.low), high: known(look.high), tolerated: look.tolerated, count: look.count },
    text: textOf(metric, of, verdict, look),
  }
}

const looks: Readonly<
  Record<RolloutMetric, (analysis: Analysis, observed: Observed, alpha: number) => Look>
> = {
  loss({ worseBy, least }, { losses }, alpha) {
    const all = added(losses)
    if (all.count === 0) return nothing
    const champion = losses.reduce((sum, { against, count }) => sum + against * count, 0) / all.count
    const effect = Math.max(1e-9, Math.max(worseBy, 0.001) * Math.abs(champion))
    const { difference, low, high } = lookAtPairs(all, { alpha, effect, leastCount: least })
    return { champion, difference, low, high, tolerated: worseBy * Math.abs(champion), count: all.count }
  },
  failures({ worseBy, least }, { health }, alpha) {
    const [failures, requests] = totals(health.map(({ now }) => now))
    const [failuresBefore, before] = totals(health.flatMap(({ before }) => before ?? []))
    if (requests < least) return { ...nothing, count: requests }
    const now = rateInterval(failures, requests, alpha / 2)
    const earlier =
      before === 0 ? { rate: 0, low: 0, high: worseBy } : rateInterval(failuresBefore, before, alpha / 2)
    return {
      champion: earlier.rate,
      difference: now.rate - earlier.rate,
      ...{ low: now.low - earlier.high, high: now.high - earlier.low, tolerated: worseBy, count: requests },
    }
  },
  latency({ worseBy, least }, { health }, alpha) {
    const both = health.flatMap(({ now, before }) =>
      before === null ? [] : [{ now: answeredSums(now), before: answeredSums(before) }],
    )
    const paired = stratified(both.filter(({ now, before }) => now.count > 1 && before.count > 1))
    if (paired === null) return nothing
    const { sums, champion } = paired
    const effect = Math.max(1e-9, worseBy * champion)
    const { difference, low, high } = lookAtPairs(sums, { alpha, effect, leastCount: least })
    return { champion, difference, low, high, tolerated: worseBy * champion, count: sums.count }
  },
}

const nothing: Look = {
  ...{ champion: null, difference: null, tolerated: null, count: 0 },
  ...{ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
}

const totals = (all: readonly Answered[]): readonly [number, number] => [
  all.reduce((sum, { failures }) => sum + failures, 0),
  all.reduce((sum, { requests }) => sum + requests, 0),
]

const answeredSums = ({ requests, failures, seconds, secondsSquared }: Answered): Sums => ({
  count: requests - failures,
  sum: seconds,
  sumOfSquares: secondsSquared,
})

/**
 * Agents are as fast as their machines, so each is compared with itself: the mean over agents of (now - before), weighed by the requests that
 * say something of both, and sums of as many differences with the variance of that mean.
 */
function stratified(
  agents: readonly { readonly now: Sums; readonly before: Sums }[],
): { readonly sums: Sums; readonly champion: number } | null {
  const weights = agents.map(({ now, before }) => Math.min(now.count, before.count))
  const count = weights.reduce((sum, weight) => sum + weight, 0)
  if (count < 2) return null
  const mean = (value: (agent: (typeof agents)[number]) => number): number =>
    agents.reduce((sum, agent, at) => sum + (weights[at] as number) * value(agent), 0) / count
  const difference = mean(({ now, before }) => meanOf(now) - meanOf(before))
  const variance = agents.reduce(
    (sum, { now, before }, at) =>
      sum +
      ((weights[at] as number) / count) ** 2 *
        (varianceOf(now) / now.count + varianceOf(before) / before.count),
    0,
  )
  const sumOfSquares = variance * count * (count - 1) + count * difference * difference
  const champion = mean(({ before }) => meanOf(before))
  return { sums: { count, sum: count * difference, sumOfSquares }, champion }
}

function skipped(metric: RolloutMetric, of: string, isEnforced: boolean): MetricView {
  const text = `${metric} of ${of}: not asked for where sites or examples are protected`
  const unknown = { champion: null, difference: null, low: null, high: null, tolerated: null, count: 0 }
  return { metric, of, verdict: 'skipped', isEnforced, ...unknown, text }
}

const unitOf = { loss: 'nats', failures: '', latency: 's' } as const
const countedOf = { loss: 'row', failures: 'request', latency: 'request' } as const

function textOf(metric: RolloutMetric, of: string, verdict: RolloutVerdict, look: Look): string {
  const { champion, difference, low, high, tolerated, count } = look
  const counted = `${count} ${countedOf[metric]}${count === 1 ? '' : 's'}`
  if (difference === null || champion === null)
    return `${metric} of ${of}: ${count === 0 ? `no ${countedOf[metric]}s yet` : `nothing can be said yet of ${counted}`}`
  const number = (value: number) =>
    metric === 'failures' ? `${(value * 100).toFixed(2)}%` : value.toFixed(4)
  const unit = unitOf[metric] === '' ? '' : ` ${unitOf[metric]}`
  const range =
    Number.isFinite(low) && Number.isFinite(high) ? `${number(low)} to ${number(high)}` : 'not known yet'
  const sign = difference >= 0 ? '+' : ''
  return (
    `${metric} of ${of}: ${number(champion + difference)}${unit}, champion ${number(champion)}${unit}, ` +
    `difference ${sign}${number(difference)} (${range}), tolerated ${number(tolerated ?? 0)}, ${counted}: ${verdict}`
  )
}
