import { z } from 'zod'
import { parsePercentage } from './percentage.js'
import { parsedBy, shareSchema } from './spec-field.js'

/** How sure an interval is to hold the true value. */
const confidenceSchema = z.union([z.string(), z.number()]).transform(
  parsedBy((value: string | number) => {
    const share = parsePercentage(value)
    if (share < 0.5 || share > 0.9999) throw new TypeError(`expected 50% to 99.99%, got ${100 * share}%`)
    return share
  }),
)

export const guardMetrics = [
  'loss',
  'accuracy',
  'calibration', // the expected calibration error
  'latency', // time of an answer from its start to its end; of a classifier, of a batch
  'first-token', // time until an answer begins
  'memory', // peak of the process that runs the model
  'repetition', // the share of the runs of 4 tokens of an answer that it had before
  'words', // the share of answers that have a word of a list
  'out-of-distribution', // the loss on public texts; of a classifier of texts how much surer it is of them than of held-out ones: 1 - AUROC
  'contamination', // the share of public texts that training data has a part of
  'leakage', // the share of held-out examples that training data of the same agent has a part of
] as const
export type GuardMetric = (typeof guardMetrics)[number]

/** Metrics of what a model writes after prompts. */
export const metricsOfAnswers: readonly GuardMetric[] = ['first-token', 'repetition', 'words']

/** Metrics that no interval is known of. */
const WITHOUT_INTERVAL: readonly GuardMetric[] = ['calibration', 'memory', 'contamination', 'leakage']

/** What must not become worse from one adapter to the next. */
export const guardSchema = z
  .strictObject({
    metric: z.enum(guardMetrics),
    worseBy: shareSchema, // that a candidate may be: of loss, latency, first-token, memory and out-of-distribution a share of what was before; of accuracy, calibration, repetition and words points, such as 1% from 80% to 79%; of contamination and leakage the share itself
    of: z
      .union([
        z.enum(['all', 'each']),
        z.templateLiteral(['label.', z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/)]),
      ])
      .optional(), // each: for no single agent either; label.NAME: for no group of agents that have the same value of it; left out: all
    confidence: confidenceSchema.optional(), // decide by an interval of the differences, over the same examples, texts or runs; left out: by the means
    mode: z.enum(['enforce', 'dry-run', 'off']).optional(), // dry-run: what it would have decided is only noted; left out: enforce
  })
  .superRefine(({ metric, confidence }, context) => {
    if (confidence === undefined || !WITHOUT_INTERVAL.includes(metric)) return
    const message = `expected nothing for the metric ${metric}, which has no single examples`
    context.addIssue({ code: 'custom', path: ['confidence'], message })
  })

export type GuardSpec = Readonly<z.infer<typeof guardSchema>>

/** Whether a guard looks at more than the mean loss of all: at single examples or agents, or at what answers, times and texts come to. */
export function looksCloser({ metric, of = 'all', confidence, mode }: GuardSpec): boolean {
  return mode !== 'off' && (metric !== 'loss' || of !== 'all' || confidence !== undefined)
}
