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

export const guardMetrics = ['loss', 'accuracy', 'calibration'] as const

/** What must not become worse from one adapter to the next. */
export const guardSchema = z
  .strictObject({
    metric: z.enum(guardMetrics), // of held-out data; calibration: the expected calibration error
    worseBy: shareSchema, // that a candidate may be: of loss, a share of the loss before; of the others, points, such as 1% from 80% to 79%
    of: z.enum(['all', 'each']).optional(), // each: for no single agent either; left out: all
    confidence: confidenceSchema.optional(), // decide by the interval of the differences over the same examples; left out: by the means
    mode: z.enum(['enforce', 'dry-run', 'off']).optional(), // dry-run: what it would have decided is only noted; left out: enforce
  })
  .refine(({ metric, confidence }) => metric !== 'calibration' || confidence === undefined, {
    path: ['confidence'],
    message: 'expected nothing for the metric calibration, which single examples do not have',
  })

export type GuardSpec = Readonly<z.infer<typeof guardSchema>>

/** Whether a guard looks at what single examples or single agents come to, and not only at the mean loss of all. */
export function looksCloser({ metric, of, confidence, mode }: GuardSpec): boolean {
  return mode !== 'off' && (metric !== 'loss' || of === 'each' || confidence !== undefined)
}
