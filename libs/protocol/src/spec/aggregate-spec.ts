import { z } from 'zod'
import { optimizerSchema } from './optimizer-spec.js'
import { robustSchema } from './robust-spec.js'

/** The ways to make one adapter of many that runs have. */
export const runStrategies = [
  'fedavg',
  'ffa',
  'rolora',
  'svd',
  'fedsvd',
  'lora-fair',
  'hetlora',
  'fedrot',
  'fedsa',
  'flora',
  'fedex',
] as const
const strategySchema = z.enum(runStrategies)
/** How a run makes one adapter of many. */
export type RunStrategy = z.infer<typeof strategySchema>

/** What lambda is where a run does not say it, as in the papers, by the strategies that have one. */
const LAMBDAS: Partial<Record<RunStrategy, number>> = { 'lora-fair': 0.01, fedrot: 0.5 }

/** The strategies that leave a frozen side beside what is trained next. */
const SIDED: readonly RunStrategy[] = ['flora', 'fedex']
const MAX_RANK = 256

/** How the updates of a round become one adapter. Parsing fills in every default. */
export const aggregateSchema = z
  .strictObject({
    strategy: strategySchema.default('fedavg'),
    lambda: z.number().min(0).optional(), // of lora-fair: what the correction of B costs; of fedrot: how far factors are turned, 0 to 1
    personal: z.array(z.string().min(1).max(255)).min(1).max(1024).optional(), // parts of names of tensors that stay with each agent
    maxRank: z.int().min(1).max(4096).optional(), // of flora and fedex: the largest rank of the frozen side of a module; 256 unless stated
    weights: z
      .strictObject({
        by: z.enum(['tokens', 'examples', 'uniform']).optional(), // tokens; uniform with a robust rule, and where updates are not seen
        atMost: z.number().positive().nullable().default(null), // of a count; what is above it counts as much
      })
      .prefault({}),
    trust: z.enum(['exact', 'robust', 'private']).default('exact'), // robust: what updates count is up to a rule that expects liars; private: only their sum is seen
    robust: robustSchema.optional(),
    optimizer: optimizerSchema.nullable().optional(), // of the coordinator, on the aggregated change; null: the aggregate as it is
  })
  .superRefine(({ strategy, lambda, maxRank, weights, trust, robust }, context) => {
    const refuse = (path: readonly string[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message })
    if (lambda !== undefined && LAMBDAS[strategy] === undefined)
      refuse(['lambda'], `is a setting of lora-fair and fedrot, and the strategy is ${strategy}`)
    if (lambda !== undefined && lambda > 1 && strategy === 'fedrot')
      refuse(
        ['lambda'],
        `expected 0 (factors are not turned) to 1 (as near as a rotation brings them), got ${lambda}`,
      )
    if (maxRank !== undefined && !SIDED.includes(strategy))
      refuse(['maxRank'], `is a setting of flora and fedex, and the strategy is ${strategy}`)
    if (weights.atMost !== null && byOf(weights, trust) === 'uniform')
      refuse(['weights', 'atMost'], 'bounds a count, and uniform weights have none')
    if (trust === 'robust' && robust === undefined)
      refuse(['robust'], 'is what trust robust needs: a rule, such as { rule: multi-krum, liars: 2 }')
  })
  .transform(({ lambda, maxRank, personal, robust, optimizer, ...rest }) => ({
    ...rest,
    weights: { ...rest.weights, by: byOf(rest.weights, rest.trust) },
    ...lambdaOf(rest.strategy, lambda),
    ...(personal === undefined ? {} : { personal }),
    ...(SIDED.includes(rest.strategy) ? { maxRank: maxRank ?? MAX_RANK } : {}),
    ...(robust === undefined ? {} : { robust }),
    ...(optimizer ? { optimizer } : {}),
  }))

function lambdaOf(strategy: RunStrategy, lambda: number | undefined): { readonly lambda?: number } {
  const usual = LAMBDAS[strategy]
  return usual === undefined ? {} : { lambda: lambda ?? usual }
}

function byOf(
  { by }: { readonly by?: 'tokens' | 'examples' | 'uniform' | undefined },
  trust: 'exact' | 'robust' | 'private',
): 'tokens' | 'examples' | 'uniform' {
  return by ?? (trust === 'exact' ? 'tokens' : 'uniform')
}
