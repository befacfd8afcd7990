import { z } from 'zod'
import { guardSchema } from './guard-spec.js'
import { shareSchema } from './spec-field.js'

const textsSchema = (most: number, characters: number) =>
  z.array(z.string().trim().min(1).max(characters)).min(1).max(most)

/** What a candidate is measured on, and what must not become worse. */
export const evaluateSchema = z.strictObject({
  holdout: shareSchema.prefault('10%'), // share of each agent's documents
  tokens: z.int().min(1).max(1_000_000_000).default(1024), // per agent and round
  guards: z.array(guardSchema).max(16).default([]), // a candidate that is worse than its parent by more than they allow is not released
  prompts: z
    .strictObject({
      texts: textsSchema(64, 2000).optional(), // left out: neutral beginnings of sentences
      tokens: z.int().min(4).max(512).default(32), // that continue each
      temperature: z.number().min(0).max(10).default(0), // 0: the likeliest token
    })
    .optional(), // whose answers the guards latency, first-token, repetition and words look at
  words: z
    .array(z.string().regex(/^[\p{L}\p{M}\p{N}]{1,64}$/u, 'expected single words of letters and digits'))
    .min(1)
    .max(2000)
    .optional(), // that the guard words looks for; left out: a short list of abuse
  reference: textsSchema(500, 20_000)
    .refine(
      (texts) => texts.reduce((sum, { length }) => sum + length, 0) <= 200_000,
      'expected at most 200000 characters in all',
    )
    .optional(), // public texts, for the guards out-of-distribution and contamination
})
