import { z } from 'zod'
import { agentNameSchema } from '../messages/field.js'

const liars = z.int().min(1).max(100_000) // how many of the updates are assumed to lie
const maxNorm = z.union([z.number().positive(), z.literal('median')]).default('median') // length that updates are shortened to

/** A robust rule of a run, with the settings that it takes. */
export const robustSchema = z.discriminatedUnion('rule', [
  z.strictObject({ rule: z.literal('norm-bound'), maxNorm }),
  z.strictObject({ rule: z.literal('krum'), liars }),
  z.strictObject({
    rule: z.literal('multi-krum'),
    liars,
    keep: z.int().min(1).max(100_000).optional(),
    halfLifeRounds: z.number().positive().max(10_000).optional(), // it looks at the distances of all rounds; after so many one counts half
  }),
  z.strictObject({ rule: z.literal('geometric-median'), liars: liars.optional() }),
  z.strictObject({ rule: z.literal('centred-clipping'), maxNorm }),
  z.strictObject({ rule: z.literal('median'), liars }),
  z.strictObject({ rule: z.literal('trimmed-mean'), liars, trim: z.number().positive().lt(0.5) }), // share cut off at each end
  z.strictObject({ rule: z.literal('bulyan'), liars }),
  z.strictObject({ rule: z.literal('trusted-root'), root: agentNameSchema }), // the agent whose update the others are held against
])
export type RobustSpec = Readonly<z.infer<typeof robustSchema>>

const ROUNDING = 1e-9

/** How many updates a rule needs at least, to hold against as many liars as it is told. */
export function leastUpdates(robust: RobustSpec): number {
  switch (robust.rule) {
    case 'krum':
      return 2 * robust.liars + 3
    case 'multi-krum':
      return Math.max(
        2 * robust.liars + 3,
        (robust.keep ?? 1) + robust.liars + (robust.halfLifeRounds === undefined ? 2 : 0),
      )
    case 'bulyan':
      return 4 * robust.liars + 3
    case 'median':
    case 'geometric-median':
      return 2 * (robust.liars ?? 0) + 1
    case 'trusted-root':
      return 2
    case 'trimmed-mean':
      return Math.floor((robust.liars + ROUNDING) / robust.trim) + 1 // trim * updates > liars
    default:
      return 1
  }
}
