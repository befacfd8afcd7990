import { z } from 'zod'
import { type RolloutSpec, rolloutMetrics } from '../spec/rollout-spec.js'
import { instantSchema } from './instant.js'
import type { Shown } from './shown.js'

const stateSchema = z
  .enum(['pending', 'running', 'soaking', 'paused', 'done', 'aborted', 'undone'])
  .describe('undone: everybody had it, and went back')
/** Where a rollout is. */
export type RolloutState = z.output<typeof stateSchema>

const verdictSchema = z
  .enum(['pass', 'fail', 'inconclusive', 'skipped'])
  .describe('skipped: nobody may measure it')
/** What a look at one metric says. */
export type RolloutVerdict = z.output<typeof verdictSchema>

const metricViewSchema = z
  .object({
    metric: z.enum(rolloutMetrics),
    of: z.string().describe('all agents that have the release, or one group'),
    verdict: verdictSchema,
    isEnforced: z.boolean(),
    champion: z
      .number()
      .nullable()
      .describe('loss in nats a token, share of requests that failed, or seconds a token'),
    difference: z.number().nullable().describe('release - champion; more is worse'),
    low: z.number().nullable().describe('of the interval that holds at any look; null: nothing is known yet'),
    high: z.number().nullable(),
    tolerated: z.number().nullable().describe('a difference up to this passes'),
    count: z.int().describe('rows or requests under the release'),
    text: z.string().describe('the same for a person'),
  })
  .meta({ id: 'RolloutMetric' })
/** One metric of a release beside the champion. */
export type MetricView = Shown<typeof metricViewSchema>

const groupViewSchema = z
  .object({
    group: z.int().describe('1, 2, …'),
    name: z.string(),
    agents: z.int().describe('that it adds to the groups before it'),
    state: z.enum(['waiting', 'open', 'good']),
    applied: z.int(),
    failed: z.int(),
    away: z.int().describe('not connected, and not heard of: they get the release when they come back'),
  })
  .meta({ id: 'RolloutGroup' })
/** A group of agents. */
export type RolloutGroupView = Shown<typeof groupViewSchema>

const agentViewSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    group: z.int(),
    has: z.string().nullable().describe('the release that it said it has last'),
    outcome: z.enum(['waiting', 'applied', 'failed']),
    isServed: z.boolean().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'RolloutAgent' })
/** One agent of a rollout. */
export type RolloutAgentView = Shown<typeof agentViewSchema>

const lineSchema = z
  .object({
    seq: z.int(),
    at: instantSchema,
    what: z.string().describe('created, approved, group-opened, soaking, paused, …'),
    text: z.string(),
    evidence: z.array(metricViewSchema).nullable(),
  })
  .meta({ id: 'RolloutLine' })
/** A line of the history of a rollout, from the journal. */
export type RolloutLine = Shown<typeof lineSchema>

const planSchema = z
  .custom<RolloutSpec>((value) => typeof value === 'object' && value !== null, 'expected a plan')
  .meta({
    id: 'RolloutPlan',
    type: 'object',
    description: 'the plan with every default; shares are numbers from 0 to 1, durations in milliseconds',
  })

/** A rollout as operators see it. */
export const rolloutViewSchema = z
  .object({
    rollout: z.string(),
    tag: z
      .string()
      .describe('of where it is: an order with `If-Match: "TAG"` counts only while it is still there'),
    release: z.string(),
    previous: z.string(),
    state: stateSchema,
    reason: z.string().nullable().describe('why it waits, is paused, or ended'),
    isWatched: z.boolean().describe('done, and undone by itself when it gets worse'),
    cause: z.object({ by: z.enum(['operator', 'run']), run: z.string().nullable() }),
    createdAt: instantSchema,
    endedAt: instantSchema.nullable(),
    group: z.int().describe('how many are open'),
    groups: z.array(groupViewSchema),
    metrics: z.array(metricViewSchema),
    plan: planSchema,
  })
  .meta({ id: 'Rollout' })
export type RolloutView = Shown<typeof rolloutViewSchema>

/** The same with all that belongs to it. */
export const rolloutDetailSchema = rolloutViewSchema
  .extend({ agents: z.array(agentViewSchema), history: z.array(lineSchema) })
  .meta({ id: 'RolloutDetail' })
export type RolloutDetail = Shown<typeof rolloutDetailSchema>

/** The groups of a plan as they would be now. */
export const rolloutPreviewSchema = z
  .object({
    release: z.string(),
    previous: z.string(),
    groups: z.array(z.object({ name: z.string(), agents: z.array(z.string()) })),
    notes: z.array(z.string()),
  })
  .meta({ id: 'RolloutPreview' })
export type RolloutPreview = Shown<typeof rolloutPreviewSchema>
