import type { AggregationReport, RuleReport } from '@lorica/peft-core'
import type { AggregationView, RuleView } from '@lorica/protocol'
import type { Contribution } from '../journal/event.js'
import type { RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import { isPrivate } from '../runs/secure-terms.js'
import { hasPersonal, sidedIn } from '../runs/strategy.js'

const DIGITS = 6 // of a figure in the journal

/** The report of an aggregate as the journal keeps it and operators see it: with agents for updates, and short figures. */
export function aggregationOf(
  report: AggregationReport,
  members: ReadonlyMap<string, Pick<Contribution, 'agentId' | 'name'>>, // by the ids of the report
): AggregationView {
  const { strategy, exact, error, averagedError, norm, change, agreement, notes, rule } = report
  return {
    ...{ strategy, exact, notes },
    ...short({ error, averagedError, norm, change }),
    agreement: agreement && short(agreement),
    ...(rule === null ? {} : { rule: ruleViewOf(rule, members) }),
    agents: report.contributions.flatMap(({ id, ...figures }) => {
      const owner = members.get(id)
      return owner === undefined ? [] : [{ agentId: owner.agentId, name: owner.name, ...short(figures) }]
    }),
    modules: report.modules.map(({ module, rank, dropped: _, agreement: ofModule, ...figures }) => ({
      ...{ module, rank },
      ...short(figures),
      agreement: ofModule && short(ofModule),
    })),
  }
}

/** Weights stay as they are: what a release says that its updates count is taken from here. */
function ruleViewOf(
  { rule, liars, share, start, contributions }: RuleReport,
  members: ReadonlyMap<string, Pick<Contribution, 'agentId' | 'name'>>,
): RuleView {
  return {
    ...{ rule, liars, share, start },
    agents: contributions.flatMap(({ id, weight, norm }) => {
      const owner = members.get(id)
      if (owner === undefined) return []
      return [{ agentId: owner.agentId, name: owner.name, weight, ...short({ norm }) }]
    }),
  }
}

/** Figures with as many digits as they are worth. */
function short<T extends { readonly [key in keyof T]: number | null }>(figures: T): T {
  const rounded = Object.entries<number | null>(figures).map(([name, value]) => [
    name,
    value === null ? null : Number(value.toPrecision(DIGITS)),
  ])
  return Object.fromEntries(rounded) as T
}

/** What noise a round has, and what its figures are of. */
function noiseNote({ noise, valueNoise, clip, cohort, share }: NonNullable<RoundState['privacy']>): string {
  if (share !== undefined)
    return `each agent added noise of standard deviation ${share.deviation.toPrecision(3)} to each value; the promise counts on ${share.honest} of them`
  const deviation = ((valueNoise * clip) / cohort).toPrecision(3)
  return noise === 'server'
    ? `each value of the mean has noise of standard deviation ${deviation}; all figures are of the noisy mean, and none is of one agent`
    : `each agent added noise to its update; all figures are of the noisy mean, and none is of one agent`
}

/** A report that says what agents did otherwise than to train and send the whole adapter. */
export function noted(
  report: AggregationReport,
  spec: Run['spec'],
  { seats, privacy, sum }: RoundState,
): AggregationReport {
  if (isPrivate(spec)) {
    const { notes, ...rest } = ofSum(report, sum?.survivors.length ?? 0)
    return { ...rest, notes: [...notes, ...(privacy === null ? [] : [noiseNote(privacy)])] }
  }
  const ranks = [...seats.values()].flatMap(({ status, rank = spec.peft.rank }) =>
    status === 'accepted' ? [rank] : [],
  )
  const lower = ranks.filter((rank) => rank < spec.peft.rank).length
  const notes = [
    ...report.notes,
    ...(privacy === null ? [] : [noiseNote(privacy)]),
    ...(hasPersonal(spec) ? ['each agent measures the candidate with its own parts'] : []),
    ...(lower === 0 || sidedIn(spec) !== null
      ? []
      : [`${lower} of ${ranks.length} agents trained a lower rank: beyond it they count as zeros`]),
  ]
  return { ...report, notes }
}

/** What may be said of an aggregate of which only the sum of the updates is known: nothing of any one of them, nor how far it is from their mean. */
function ofSum(report: AggregationReport, agents: number): AggregationReport {
  const note = `only the sum of the updates of ${agents} agents is known: nothing was measured of any one of them`
  return {
    ...report,
    notes: [...report.notes, note],
    error: report.exact ? report.error : null,
    averagedError: null,
    agreement: null,
    contributions: [],
    modules: report.modules.map((module) => ({
      ...module,
      error: report.exact ? module.error : null,
      averagedError: null,
      agreement: null,
    })),
  }
}
