/**
 * What an aggregate did, as people read it.
 * @module
 */
import type { AggregationReport } from '@lorica/peft-core'
import { table } from '../screen/format.js'

/** The summary of `lorica aggregate`. */
export function aggregateLines(
  report: AggregationReport,
  { out, side }: { readonly out: string; readonly side: string | null },
  measured: boolean,
): readonly string[] {
  const { contributions, strategy, notes, modules, rule } = report
  const leftOut = rule?.contributions.filter(({ weight }) => weight === 0).map(({ id }) => id) ?? []
  return [
    `${strategy} of ${contributions.length} adapters: ${out}`,
    ...(side === null ? [] : [`and beside it, to be added to it: ${side}`]),
    ...notes.map((note) => `note: ${note}`),
    ...(leftOut.length === 0 ? [] : [`left out: ${leftOut.join(', ')}`]),
    ...(measured && modules.length > 0 ? measuredLines(report) : []),
  ]
}

function measuredLines({
  error,
  averagedError,
  agreement,
  modules,
  contributions,
}: AggregationReport): readonly string[] {
  const rows = modules.map((module) => [
    module.module,
    String(module.rank),
    module.norm.toPrecision(3),
    percent(module.error),
    percent(module.averagedError),
    cosine(module.agreement?.mean),
  ])
  const agents = contributions.map(({ id, share, change, cosine: along }) => [
    id,
    percent(share),
    change === null ? '' : change.toPrecision(3),
    cosine(along),
  ])
  return [
    '',
    `distance from the exact mean: ${percent(error)}; of averaging A and B apart: ${percent(averagedError)}`,
    ...(agreement === null
      ? []
      : [
          `agreement of what they changed: cosine ${cosine(agreement.mean)} on average, ${cosine(agreement.least)} at least`,
        ]),
    '',
    ...table([['adapter', 'share', 'norm', 'along the mean'], ...agents]),
    '',
    ...table([['module', 'rank', 'norm', 'off by', 'averaged', 'agreement'], ...rows]),
  ]
}

function percent(value: number | null): string {
  if (value === null) return 'unknown'
  return `${(100 * value).toPrecision(3)} %`
}

function cosine(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : value.toFixed(2)
}
