/**
 * What is asked of a candidate beside its loss on held-out data, and what agents tell of it: times, memory, and rates of texts that
 * follow from prompts which the run gives.
 * @module
 */
import { z } from 'zod'
import { bytesSchema, countSchema, positiveSchema } from './field.js'
import { since } from './since.js'

/** Bytes of a hash of a word or of 13 words: the first ones of a longer hash. */
export const SHORT_HASH_BYTES = 8
/** Words that are looked for together in training data: https://arxiv.org/abs/2005.14165, appendix C. */
export const OVERLAP_WORDS = 13

const hashesSchema = bytesSchema.refine(
  ({ byteLength }) => byteLength % SHORT_HASH_BYTES === 0 && byteLength <= 40_000 * SHORT_HASH_BYTES,
  `expected hashes of ${SHORT_HASH_BYTES} bytes, at most 40000`,
)

/** What to look at; absent: not. */
export const probesSchema = z
  .strictObject({
    prompts: z
      .strictObject({
        texts: z.array(z.string().min(1).max(2000)).min(1).max(64),
        tokens: positiveSchema.max(512), // that continue each, at most
        temperature: z.number().min(0).max(10), // 0: the likeliest token
        seed: countSchema,
      })
      .optional(),
    cost: z.strictObject({ pairs: positiveSchema.max(64) }).optional(), // of prompts that are answered, or of held-out rows where there are none
    repetition: z.literal(true).optional(), // in answers
    words: hashesSchema.optional(), // the first bytes of the SHA-256 of each word that answers are not to have
    reference: z.array(z.string().min(1).max(20_000)).min(1).max(500).optional(), // texts whose loss is told
    overlap: z
      .strictObject({
        key: bytesSchema.refine(({ byteLength }) => byteLength === 32, 'expected a key of 32 bytes'), // of the HMAC-SHA256 whose first bytes the hashes are
        items: z.array(countSchema).max(500), // how many of the hashes each text has
        hashes: hashesSchema, // of each 13 words that follow one another in a text
      })
      .optional(),
  })
  .refine(
    ({ prompts, repetition, words }) => prompts !== undefined || (repetition ?? words) === undefined,
    'expected prompts, where their answers are looked at',
  )
  .refine(
    ({ overlap }) =>
      overlap === undefined ||
      overlap.items.reduce((sum, count) => sum + count, 0) * SHORT_HASH_BYTES === overlap.hashes.byteLength,
    'expected as many hashes as the texts have',
  )
export type Probes = Readonly<z.infer<typeof probesSchema>>

const timeSchema = z.number().positive().max(3_600_000) // milliseconds

/** Differences over the same examples, of which more is worse: how many, their sum, and the sum of their squares. */
export const differencesSchema = z.strictObject({
  count: positiveSchema,
  sum: z.number(),
  sumOfSquares: z.number().min(0),
})

/** A number of each of some texts under both adapters. */
const pairedSchema = z
  .strictObject({
    adapter: z.number(), // the sum over the texts
    against: z.number(),
    difference: differencesSchema, // of a text: that of `adapter` less that of `against`
  })
  .refine(isPaired, 'expected sums of the same texts')

function isPaired({ adapter, against, difference }: Told): boolean {
  const { sum } = difference
  const size = Math.abs(adapter) + Math.abs(against) + 1
  return Math.abs(adapter - against - sum) <= 1e-6 * size && isReal(difference)
}

interface Told {
  readonly adapter: number
  readonly against: number
  readonly difference: z.infer<typeof differencesSchema>
}

/** Whether differences can be sums of real values. */
export function isReal({ count, sum, sumOfSquares }: z.infer<typeof differencesSchema>): boolean {
  return sumOfSquares >= ((sum * sum) / count) * (1 - 1e-9)
}

const rateSchema = pairedSchema.refine(
  ({ adapter, against, difference }) =>
    [adapter, against].every((sum) => sum >= 0 && sum <= difference.count * (1 + 1e-9)),
  'expected rates from 0 to 1',
)

/** What an agent tells of a candidate beside the adapter before; absent where it was not asked, or cannot. */
export const probedSchema = z.strictObject({
  cost: z
    .strictObject({
      runs: z
        .array(
          z.strictObject({
            adapter: timeSchema,
            against: timeSchema,
            adapterFirst: timeSchema.nullable(), // until the first token; null: there are no answers
            againstFirst: timeSchema.nullable(),
          }),
        )
        .min(1)
        .max(64), // each adapter's time of the same work, one right after the other
      adapterPeakBytes: positiveSchema, // of the process that runs the model
      againstPeakBytes: positiveSchema,
      adapterGpuBytes: since(2, countSchema.nullable()), // of the memory of GPUs, after the runs; null: it runs on one, and what it has there is not known
      againstGpuBytes: since(2, countSchema.nullable()),
    })
    .optional(),
  repetition: rateSchema.optional(), // the share of the runs of 4 tokens of an answer that it had before
  words: rateSchema.optional(), // 1 of an answer that has such a word, else 0
  reference: pairedSchema.optional(), // of a text the mean loss, in nats; of a classifier the share of held-out examples that it is less sure of
  overlap: z
    .strictObject({
      items: countSchema, // texts that were asked for
      found: countSchema, // of these, those of which the training data here has 13 words that follow one another
      heldOut: countSchema, // held-out examples of 13 words or more
      heldOutFound: countSchema, // of these, those of which the training data here has 13 words
    })
    .refine(
      ({ items, found, heldOut, heldOutFound }) => found <= items && heldOutFound <= heldOut,
      'expected counts of the same texts',
    )
    .optional(),
})
export type Probed = Readonly<z.infer<typeof probedSchema>>
