import { z } from 'zod'

const versions = (least: number) => z.int().min(least).max(1_000_000)

/** What an update counts that started from an older release of its run; tau is how many releases it is behind. */
const stalenessWeightSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('polynomial'),
    exponent: z.number().min(0).max(100).default(0.5), // (1 + tau)^-exponent; 0.5 is FedBuff's
  }),
  z.strictObject({ kind: z.literal('constant') }),
  z.strictObject({
    kind: z.literal('threshold'),
    cutoff: versions(0), // 1 up to tau = cutoff, then `late`
    late: z.number().gt(0).max(1),
  }),
])

/** How rounds of the mode buffered take updates (FedBuff). Parsing fills in every default. */
export const bufferSchema = z.strictObject({
  size: z.int().min(1).max(100_000), // updates that close a round; seats that still train go on in the next one
  maxStaleness: versions(0).nullable().default(10), // releases that an update may be behind; null: any number
  weight: stalenessWeightSchema.prefault({ kind: 'polynomial' }),
  shortens: z.boolean().default(false), // whether a buffer of late updates also makes a shorter step, as in the paper
})

/** The buffer of a run. */
export type BufferSpec = Readonly<z.infer<typeof bufferSchema>>
