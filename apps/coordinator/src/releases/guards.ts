/**
 * What each guard of a run finds of a candidate. Pure functions of what agents told of their held-out data.
 * @module
 */
import { type Interval, pairedInterval, pairedVerdict, type Sums } from '@lorica/evidence'
import { type CalibrationBin, calibrationError } from '@lorica/peft-core'
import { type Comparison, type GuardFinding, type GuardSpec, looksCloser } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'
import { RELATIVE, standingIn } from './probed-metrics.js'

/** Losses of the candidate and of the adapter before, over the same agents and tokens. */
export interface Losses {
  readonly loss: number
  readonly parentLoss: number
}

/** The labels of an agent, by its id. */
export type LabelsOf = (agentId: string) => Readonly<Record<string, string>>

/** The findings of all guards that are on, in their order. `losses` null: there is nothing to compare the candidate with. */
export function guardFindings(
  guards: readonly GuardSpec[],
  candidate: Measured,
  losses: Losses | null,
  labelsOf: LabelsOf = () => ({}),
): readonly GuardFinding[] {
  const compared = (candidate.comparisons ?? []).flatMap(({ agentId, comparison }) => {
    const own = candidate.perAgent.find((agent) => agent.agentId === agentId)
    return own === undefined
      ? []
      : [{ agentId, lossSum: own.loss * own.tokens, labels: own.tokens, comparison }]
  })
  return guards
    .filter(({ mode }) => mode !== 'off')
    .flatMap((guard) => {
      if (looksCloser(guard)) return [foundOf(guard, compared, labelsOf)]
      return losses === null ? [] : [ofMeans(guard, losses)]
    })
}

/** What one agent told of a candidate beside the adapter before. */
interface Compared {
  readonly agentId: string
  readonly lossSum: number
  readonly labels: number
  readonly comparison: Comparison
}

function foundOf(guard: GuardSpec, agents: readonly Compared[], labelsOf: LabelsOf): GuardFinding {
  const { of = 'all' } = guard
  if (of === 'all') return ofAll(guard, agents)
  if (of === 'each')
    return ofWorst(
      guard,
      agents.map((agent) => ({ agents: [agent], named: { agentId: agent.agentId } })),
    )
  const label = of.slice('label.'.length)
  const groupOf = ({ agentId }: Compared): string => labelsOf(agentId)[label] ?? ''
  const groups = [...new Set(agents.map(groupOf))].sort()
  return ofWorst(
    guard,
    groups.map((group) => ({ agents: agents.filter((agent) => groupOf(agent) === group), named: { group } })),
  )
}

function ofMeans(guard: GuardSpec, { loss, parentLoss }: Losses): GuardFinding {
  const allowed = parentLoss * guard.worseBy
  const verdict = loss > parentLoss * (1 + guard.worseBy) ? 'fail' : 'pass'
  return { ...blank(guard), verdict, value: loss, before: parentLoss, allowed }
}

/** Over all agents together. `confidence` differs from the guard's where several of its intervals are to hold at once. */
function ofAll(
  guard: GuardSpec,
  agents: readonly Compared[],
  confidence: number | undefined = guard.confidence,
): GuardFinding {
  if (agents.length === 0) return blank(guard)
  const { metric, worseBy } = guard
  if (!isOfPredictions(metric)) return ofProbes(guard, agents, confidence)
  const [value, before] = meansOf(metric, agents)
  const allowed = metric === 'loss' ? before * worseBy : worseBy
  const examples = agents.reduce((sum, { comparison }) => sum + comparison.loss.count, 0)
  const found = { ...blank(guard), value, before, allowed, examples }
  if (confidence === undefined || metric === 'calibration') {
    const worse = metric === 'accuracy' ? before - value : value - before
    return { ...found, verdict: worse > allowed ? 'fail' : 'pass' }
  }
  const interval = intervalOf(
    agents.map(({ comparison }) => comparison[metric]),
    confidence,
  )
  if (interval === null) return found
  const { low, high } = interval
  return { ...found, verdict: pairedVerdict(interval, allowed), interval: { low, high, confidence } }
}

/** By what agents told beside their predictions. */
function ofProbes(
  guard: GuardSpec,
  agents: readonly Compared[],
  confidence: number | undefined,
): GuardFinding {
  const { metric, worseBy } = guard
  const told = agents.flatMap(({ comparison }) => comparison.probed ?? [])
  const standing = standingIn(metric, told, confidence)
  if (standing === null) return blank(guard)
  const { value, before, counted, interval, gpu } = standing
  const allowed = RELATIVE.includes(metric) ? before * worseBy : worseBy
  const onGpu = gpu === undefined ? {} : { gpu }
  const found = { ...blank(guard), value, before, allowed, examples: counted, interval, ...onGpu }
  if (interval !== null && metric === 'contamination')
    return {
      ...found,
      verdict: interval.high <= allowed ? 'pass' : interval.low > allowed ? 'fail' : 'inconclusive',
    }
  if (interval !== null) return { ...found, verdict: pairedVerdict(interval, allowed) }
  if (confidence !== undefined) return found
  return { ...found, verdict: value - before > allowed ? 'fail' : 'pass' }
}

/** Agents that are looked at as one. */
interface Group {
  readonly agents: readonly Compared[]
  readonly named: Pick<GuardFinding, 'group'> & { readonly agentId?: string }
}

/** The finding of the group that does worst. All intervals hold at once with the guard's confidence (Bonferroni). */
function ofWorst(guard: GuardSpec, groups: readonly Group[]): GuardFinding {
  const { confidence } = guard
  const own = confidence === undefined ? undefined : 1 - (1 - confidence) / Math.max(1, groups.length)
  const found = groups.map(({ agents, named }) => ({ ...ofAll(guard, agents, own), ...named }))
  const rank = ({ verdict }: GuardFinding): number => ['fail', 'inconclusive', 'pass'].indexOf(verdict)
  const [worst] = found.toSorted((one, other) => rank(one) - rank(other) || excess(other) - excess(one))
  return worst ?? blank(guard)
}

/** Metrics of predictions on held-out data. */
type OfPredictions = 'loss' | 'accuracy' | 'calibration'

function isOfPredictions(metric: GuardSpec['metric']): metric is OfPredictions {
  return ['loss', 'accuracy', 'calibration'].includes(metric)
}

/** How far beyond what is allowed: by the mean, as a share of it. */
function excess({ metric, value, before, allowed }: GuardFinding): number {
  const worse = ((value ?? 0) - (before ?? 0)) * (metric === 'accuracy' ? -1 : 1)
  return worse - (allowed ?? 0)
}

function meansOf(metric: OfPredictions, agents: readonly Compared[]): readonly [number, number] {
  const sum = (of: (agent: Compared) => number): number => agents.reduce((all, agent) => all + of(agent), 0)
  const labels = sum((agent) => agent.labels)
  if (metric === 'loss')
    return [
      sum(({ lossSum }) => lossSum) / labels,
      sum(({ comparison }) => comparison.againstLossSum) / labels,
    ]
  if (metric === 'accuracy')
    return [
      sum(({ comparison }) => comparison.adapter.right) / labels,
      sum(({ comparison }) => comparison.against.right) / labels,
    ]
  const binsOf = (which: 'adapter' | 'against'): readonly CalibrationBin[] =>
    addedBins(agents.map(({ comparison }) => comparison[which].calibration))
  return [calibrationError(binsOf('adapter')), calibrationError(binsOf('against'))]
}

function addedBins(parts: readonly (readonly CalibrationBin[])[]): readonly CalibrationBin[] {
  return (parts[0] ?? []).map((_, at) => {
    const sum = (key: keyof CalibrationBin): number =>
      parts.reduce((all, bins) => all + (bins[at]?.[key] ?? 0), 0)
    return { labels: sum('labels'), confidence: sum('confidence'), right: sum('right') }
  })
}

/** Null of fewer than two examples. */
function intervalOf(groups: readonly Sums[], confidence: number): Interval | null {
  return groups.reduce((all, { count }) => all + count, 0) < 2 ? null : pairedInterval(groups, confidence)
}

function blank({ metric, of = 'all', mode }: GuardSpec): GuardFinding {
  return {
    ...{ metric, of, mode: mode === 'dry-run' ? mode : 'enforce', verdict: 'inconclusive' },
    ...{ agentId: null, value: null, before: null, allowed: null, interval: null, examples: null },
  }
}
