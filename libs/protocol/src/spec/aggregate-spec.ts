import { z } from 'zod'

const strategySchema = z.enum(['fedavg', 'ffa', 'rolora', 'svd', 'fedsvd', 'lora-fair', 'hetlora'])
/** How a run makes one adapter of many. */
export type RunStrategy = z.infer<typeof strategySchema>

const LAMBDA = 0.01 // of lora-fair, as in its paper

/** How the updates of a round become one adapter. Parsing fills in every default. */
export const aggregateSchema = z
  .strictObject({
    strategy: strategySchema.default('fedavg'),
    lambda: z.number().min(0).optional(), // of lora-fair: what the correction of B costs
    weights: z
      .strictObject({
        by: z.enum(['tokens', 'examples', 'uniform']).default('tokens'),
        atMost: z.number().positive().nullable().default(null), // of a count; what is above it counts as much
      })
      .prefault({}),
    trust: z.literal('exact').default('exact'),
  })
  .superRefine(({ strategy, lambda, weights }, context) => {
    const refuse = (path: readonly string[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message })
    if (lambda !== undefined && strategy !== 'lora-fair')
      refuse(['lambda'], `is a setting of lora-fair, and the strategy is ${strategy}`)
    if (weights.atMost !== null && weights.by === 'uniform')
      refuse(['weights', 'atMost'], 'bounds a count, and uniform weights have none')
  })
  .transform(({ lambda, ...rest }) =>
    rest.strategy === 'lora-fair' ? { ...rest, lambda: lambda ?? LAMBDA } : rest,
  )
