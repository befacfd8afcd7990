import { z } from 'zod'
import { readMessage } from '../messages/message.js'
import { conditionSchema, durationSchema, shareSchema } from './spec-field.js'
import { webhookSchema } from './webhook-spec.js'

const MOST_AGENTS = 100_000

const sizeSchema = z.union([z.number(), z.string()]).transform((value, context) => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_AGENTS)
    return { count: value }
  const share = typeof value === 'string' ? shareSchema.safeParse(value).data : undefined
  if (share !== undefined && share > 0) return { share }
  context.addIssue({
    code: 'custom',
    message: 'expected a number of agents such as 1, or a share above 0% such as 10%',
  })
  return z.NEVER
})

const groupSchema = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? value : { size: value }),
  z.strictObject({
    size: sizeSchema.prefault('100%'), // of the agents that `where` selects
    where: conditionSchema.nullable().default(null), // null: all agents
    name: z.string().min(1).max(64).nullable().default(null),
  }),
)

/** What is compared between a release and the champion. */
export const rolloutMetrics = ['loss', 'failures', 'latency'] as const
export type RolloutMetric = (typeof rolloutMetrics)[number]

const usual = {
  loss: { worseBy: 0.01, whenInconclusive: 'pause' },
  failures: { worseBy: 0.01, whenInconclusive: 'next' },
  latency: { worseBy: 0.5, whenInconclusive: 'next' },
} as const

const analysisSchema = z
  .strictObject({
    metric: z.enum(rolloutMetrics),
    worseBy: shareSchema.optional(), // loss, latency: share of the champion's that is tolerated; failures: share of requests
    mode: z.enum(['enforce', 'dry-run']).default('enforce'), // dry-run: it is shown, and decides nothing
    least: z.int().min(2).max(1_000_000).default(20), // rows or requests before anything is said
    whenInconclusive: z.enum(['pause', 'next']).optional(), // when the soak is over and neither is shown
  })
  .transform(({ metric, worseBy, whenInconclusive, ...rest }) => ({
    ...{ metric, worseBy: worseBy ?? usual[metric].worseBy, ...rest },
    whenInconclusive: whenInconclusive ?? usual[metric].whenInconclusive,
  }))

/** How a release reaches a fleet, as people write it under `rollout` of a run file or in a file of its own. Parsing fills in every default. */
export const rolloutSpecSchema = z
  .strictObject({
    groups: z
      .array(groupSchema)
      .min(1)
      .max(32)
      .prefault([1, '10%', '50%', '100%']) // each with those before it
      .superRefine((groups, context) => {
        const { size, where } = groups.at(-1) ?? { size: { count: 0 }, where: null }
        if ('share' in size && size.share === 1 && where === null) return
        context.addIssue({
          code: 'custom',
          message: 'expected the last group to be 100%, without a condition',
        })
      }),
    success: z
      .strictObject({
        threshold: shareSchema.prefault('95%'), // of the agents of all open groups that answered: they have the release
        // biome-ignore lint/suspicious/noThenProperty: a word of the plan, never a function
        then: z.enum(['next', 'pause']).default('next'), // after a group that is good
      })
      .prefault({}),
    error: z
      .strictObject({
        threshold: shareSchema.prefault('5%'), // of the agents that answered: above this the rollout ends
        minExecuted: z.int().min(1).max(100_000).default(10), // answers before that; all, where the open groups have no more
        // biome-ignore lint/suspicious/noThenProperty: a word of the plan, never a function
        then: z.enum(['rollback', 'pause']).default('rollback'), // also when analysis fails
      })
      .prefault({}),
    soak: durationSchema.prefault('10m'), // that each group runs before the next one
    patience: durationSchema.prefault('10m'), // for the answer of an agent that is connected; then it counts as failed
    analysis: z
      .array(analysisSchema)
      .max(8)
      .prefault([{ metric: 'loss' }, { metric: 'failures' }, { metric: 'latency' }]),
    alpha: z.number().gt(0).max(0.5).default(0.05), // chance of a false alarm, over all looks at all metrics and groups together
    tokens: z.int().min(1).max(1_000_000_000).default(8192), // held-out tokens that an agent measures both releases on
    measureEvery: durationSchema.prefault('1h'), // during the watch: agents measure the losses anew
    approval: z.boolean().default(false), // a person lets it begin
    rate: z
      .strictObject({
        perMinute: z.int().min(1).max(MOST_AGENTS).nullable().default(null), // agents of a group that are told to change in a minute
        atOnce: z.int().min(1).max(MOST_AGENTS).nullable().default(null), // agents that were told and have yet to answer
      })
      .nullable()
      .default(null), // null: all agents of a group at once
    webhooks: z.array(webhookSchema).max(16).default([]),
    watch: durationSchema.prefault('24h'), // after everybody has it: what fails then is undone
  })
  .transform(({ soak, patience, watch, measureEvery, ...plan }) => ({
    ...plan,
    soakMs: soak,
    patienceMs: patience,
    watchMs: watch,
    measureMs: measureEvery,
  }))

/** A plan with every default filled in; durations are in milliseconds and shares are numbers from 0 to 1. */
export type RolloutSpec = Readonly<z.infer<typeof rolloutSpecSchema>>

/** Checks a plan as decoded from YAML or JSON. Throws LoricaError LRC-3020 naming the first wrong field. */
export function parseRolloutSpec(raw: unknown): RolloutSpec {
  return readMessage(rolloutSpecSchema, 'rollout', raw ?? {}, 'LRC-3020')
}
