import { z } from 'zod'

const multiplier = z.number().min(1e-3).max(1e6) // of the clip, which is the most that a site can change the sum by
const epsilon = z.number().gt(0).max(1e6)
const delta = z.number().min(1e-100).lt(1)

/** What a site is promised over all runs: no round opens that would bring it above. */
export const budgetSchema = z.strictObject({ epsilon })

/** Differential privacy of a site: noise on the sum of clipped updates, so that no release tells much of any one site. */
const siteSchema = z
  .strictObject({
    unit: z.literal('site'),
    noise: z.enum(['server', 'agent', 'shared']).default('server'), // who adds it: the coordinator to the sum, each agent to its update, or all agents a part each
    noiseMultiplier: multiplier.optional(),
    epsilon: epsilon.optional(), // instead: of all rounds of the run, from which the least noise follows
    delta,
    budget: budgetSchema.optional(), // the epsilon of the run where it is left out
    adaptiveClip: z
      .strictObject({
        quantile: z.number().gt(0).lt(1).default(0.5), // share of the updates that the bound is to leave as they are
        learningRate: z.number().gt(0).max(10).default(0.2),
        bitNoise: z.number().gt(0).max(1e6).optional(), // standard deviation on the count of such updates; a twentieth of rounds.goal where it is left out
      })
      .optional(),
  })
  .superRefine(({ noiseMultiplier, epsilon, budget }, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (noiseMultiplier === undefined && epsilon === undefined)
      refuse('noiseMultiplier', 'is missing: say how much noise, or give epsilon, from which it follows')
    if (noiseMultiplier !== undefined && epsilon !== undefined)
      refuse('epsilon', 'follows from noiseMultiplier, so only one of them can be given')
    if (epsilon === undefined && budget === undefined)
      refuse('budget', 'is missing: say at which epsilon the run stops, such as { epsilon: 8 }')
  })

/**
 * Differential privacy of each example of a site: agents train with noise on sums of clipped gradients, and keep count of what they
 * have spent, so that nobody has to be trusted but they.
 */
const exampleSchema = z
  .strictObject({
    unit: z.literal('example'),
    noise: z.enum(['agent', 'shared']).optional(), // who adds it: each agent to its own steps, or all agents a part each, to the sum of one step of theirs; agent where it is left out
    noiseMultiplier: multiplier, // standard deviation of the noise on the sum of a step, over the clip
    clip: z.number().gt(0).max(1e6), // bound on the L2 norm of the gradient of one example
    samplingRate: z.number().gt(0).max(1).optional(), // of noise shared: the chance of each example of any site to take part in a step
    delta,
    budget: budgetSchema, // of an agent over all runs: it declines what would bring it above
  })
  .superRefine(({ noise, samplingRate }, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['samplingRate'], message })
    if (noise === 'shared' && samplingRate === undefined)
      refuse('is missing: noise is shared, so all sites draw their examples with one chance, such as 0.1')
    if (noise !== 'shared' && samplingRate !== undefined)
      refuse('is for noise shared; with noise of each agent it is local.batch over the examples of a site')
  })

/** `privacy.dp` of a run, by the unit that is protected. Parsing fills in every default. */
export const dpSchema = z.discriminatedUnion('unit', [siteSchema, exampleSchema])

/** The same, where null and false mean none. */
export const dpOrNoneSchema = z.preprocess(
  (value) => (value === null || value === false ? undefined : value),
  dpSchema.optional(),
)

/** Differential privacy of a run. */
export type DpSpec = Readonly<z.infer<typeof dpSchema>>

/** Differential privacy of a run that protects sites. */
export type SiteDpSpec = Extract<DpSpec, { readonly unit: 'site' }>

/** Differential privacy of a run that protects examples. */
export type ExampleDpSpec = Extract<DpSpec, { readonly unit: 'example' }>
