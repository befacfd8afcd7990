/**
 * What is told of an aggregate on a terminal.
 * @module
 */
import type { AggregationView, RuleView, SideView } from '@lorica/protocol'
import { table } from '../screen/format.js'

/** How the candidate was made, and how far it and plain averaging are from the exact mean of the updates. */
export function aggregationLines(view: AggregationView): readonly string[] {
  const { notes, optimizer, side } = view
  const then =
    optimizer === undefined ? [] : [`then a step of ${optimizer}: the figures are of the aggregate before it`]
  const beside = side === undefined ? [] : [sideLine(side)]
  return [summaryOf(view), ...beside, ...then, ...notes, ...(view.rule ? ruledLines(view.rule) : [])]
}

/** What was measured of each agent and of each module. */
export function measuredLines({ agents, modules }: AggregationView): readonly string[] {
  const byAgent = table([
    ['agent', 'share', 'change', 'cosine with the mean'],
    ...agents.map((one) => [one.name, percent(one.share), figure(one.change), cosine(one.cosine)]),
  ])
  const byModule = table([
    ['module', 'rank', 'change', 'off', 'averaging', 'agreement'],
    ...modules.map((one) => [
      ...[one.module, String(one.rank), figure(one.change), percent(one.error), percent(one.averagedError)],
      cosine(one.agreement?.mean ?? null),
    ]),
  ])
  return [
    ...(agents.length === 0 ? [] : ['', ...byAgent]),
    ...(modules.length === 0 ? [] : ['', ...byModule]),
  ]
}

/** The frozen part of a candidate, and what the bound of the run left out of it. */
function sideLine({ rank, maxRank, dropped }: SideView): string {
  const lost = dropped === 0 ? '' : `, which left out ${percent(dropped)} of their energy`
  return `beside what is trained: frozen factors of rank ${rank}, at most ${maxRank}${lost}`
}

function summaryOf({ strategy, error, averagedError, agreement, rule, agents }: AggregationView): string {
  const name = rule ? `${strategy} after ${rule.rule}` : strategy
  if (rule && error === null) return `${name}: each value is the rule's, and stands beside no mean`
  if (error === null && averagedError === null)
    return agents.length === 0 // a secure sum
      ? name
      : `${name}: what agents send is a part of what they train, and stands beside no mean`
  const agree =
    agreement === null ? '' : `; updates agree ${cosine(agreement.mean)}, least ${cosine(agreement.least)}`
  const from = rule ? 'the sum that the rule decided' : 'the exact mean'
  return `${name}: ${percent(error)} off ${from}, averaging A and B ${percent(averagedError)}${agree}`
}

/** Whom a robust rule left out, and whom it counts as less, with the lengths of their changes. */
function ruledLines({ agents, share: before, start }: RuleView): readonly string[] {
  const wording = (weight: number) => (weight === 0 ? 'left out' : `counts ${percent(weight)}`)
  const less = agents.flatMap(({ name, weight, norm }) =>
    weight === null || weight >= before * (1 - SAME)
      ? []
      : [`${name}: ${wording(weight)} instead of ${percent(before)}, change ${figure(norm)}`],
  )
  return [...less, ...(Math.abs(start) < SAME ? [] : [`the adapter before counts ${percent(start)}`])]
}

const SAME = 1e-9

export const percent = (value: number | null): string =>
  value === null ? '-' : `${(100 * value).toPrecision(3)} %`
const figure = (value: number | null): string => (value === null ? '-' : value.toPrecision(4))
const cosine = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
