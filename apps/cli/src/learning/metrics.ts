/**
 * The metrics of data files, for scripts and for people.
 * @module
 */
import type { ClassScore, Metrics } from '@lorica/peft-core'
import { count, table } from '../screen/format.js'

export interface FileMetrics {
  readonly file: string
  readonly seconds: number
  readonly metrics: Metrics
}

/** The names of classes, by number, where they have any. */
type ClassNames = readonly string[] | undefined

/** Everything that was measured; `tokens` are the labels that count. */
export function metricsDocument(files: readonly FileMetrics[], total: Metrics, names: ClassNames) {
  const documentOf = ({ labels, perClass, ...metrics }: Metrics) => ({
    ...metrics,
    tokens: labels,
    ...(perClass === undefined
      ? {}
      : { perClass: perClass.map((score) => ({ ...score, class: className(score.class, names) })) }),
  })
  return {
    ...documentOf(total),
    files: files.map(({ file, seconds, metrics }) => ({ file, seconds, ...documentOf(metrics) })),
  }
}

/** Metrics for a person: a line for each file when there are several, the sums, and what there is to say of each class. */
export function metricsLines(
  files: readonly FileMetrics[],
  total: Metrics,
  names: ClassNames,
): readonly string[] {
  const { latency, examplesPerSecond, perClass } = total
  return [
    ...table([
      ['file', 'examples', 'predictions', ...scoresOf(total).map(([name]) => name)],
      ...files.map(({ file, metrics }) => rowOf(file, metrics)),
      ...(files.length > 1 ? [rowOf('all', total)] : []),
    ]),
    ...(perClass === undefined ? [] : ['', ...classLines(perClass, names)]),
    '',
    `latency (p50 / p95): ${spread(latency.batch)} a batch, ${spread(latency.row)} a row; ${count(examplesPerSecond)} examples/s`,
  ]
}

/** The names of classes: those of the labels where they have any, else numbers. */
export const className = (number: number, names: ClassNames): string => names?.[number] ?? String(number)

function scoresOf(metrics: Metrics): readonly (readonly [string, string])[] {
  const { loss, perplexity, accuracy, top5Accuracy, macroF1 } = metrics
  const share = (name: string, value: number | undefined) =>
    value === undefined ? [] : [[name, percent(value)] as const]
  return [
    ['loss', loss.toFixed(4)],
    ...(perplexity === undefined ? [] : [['perplexity', perplexity.toFixed(2)] as const]),
    ...share(perplexity === undefined ? 'accuracy' : 'token accuracy', accuracy),
    ...share('top-5', top5Accuracy),
    ...share('macro F1', macroF1),
  ]
}

const rowOf = (name: string, metrics: Metrics): readonly string[] => [
  name,
  count(metrics.examples),
  count(metrics.labels),
  ...scoresOf(metrics).map(([, value]) => value),
]

const classLines = (scores: readonly ClassScore[], names: ClassNames): readonly string[] =>
  table([
    ['class', 'support', 'precision', 'recall', 'F1'],
    ...scores.map((score) => [
      className(score.class, names),
      count(score.support),
      percent(score.precision),
      percent(score.recall),
      percent(score.f1),
    ]),
  ])

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const spread = ({ p50, p95 }: { readonly p50: number; readonly p95: number }): string =>
  `${milliseconds(p50)} / ${milliseconds(p95)}`

const milliseconds = (value: number): string => `${value.toPrecision(3)} ms`
