import { z } from 'zod'
import { aggregationViewSchema } from './aggregation-view.js'
import { guardFindingSchema } from './guard-finding.js'
import { instantSchema } from './instant.js'
import { lateStartSchema, refusalRecordSchema, roundRecordSchema } from './run-view.js'
import type { Shown } from './shown.js'

const lastProgressSchema = z
  .object({
    phase: z.enum(['download', 'train', 'upload', 'evaluate']),
    step: z.number(),
    steps: z.number(),
    at: instantSchema,
    waiting: z.exactOptional(z.string()).describe('why it stood still then, in its own words'),
  })
  .meta({ id: 'LastProgress', description: 'upload and download count bytes, the others steps' })
/** Where an agent was last known to be in an assignment. `upload` and `download` count bytes, the others steps. */
export type LastProgress = Shown<typeof lastProgressSchema>

const { kind } = refusalRecordSchema.shape

const agentFateSchema = z
  .enum([
    'accepted',
    'training',
    'carried',
    ...kind.options,
    'unsuited',
    'reserve',
    'excluded',
    'cordoned',
    'away',
  ])
  .meta({
    id: 'AgentFate',
    description:
      'With a seat: accepted, training, carried (it goes on in the next round), or the kinds of a refusal. Without one: unsuited (not what rounds.where asks for), reserve (the goal was reached without it), excluded (it refused or was refused in an attempt before), cordoned, or away (not connected, or without data)',
  })
/**
 * What became of an agent in one attempt at a round. With a seat: accepted, training, carried (it goes on in the next round), or the
 * kinds of a refusal. Without one: unsuited (not what rounds.where asks for), reserve (the goal was reached without it), excluded (it refused or was
 * refused in an attempt before), cordoned, or away (not connected, or without data).
 */
export type AgentFate = z.infer<typeof agentFateSchema>

const agentInRoundSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    fate: agentFateSchema,
    code: z.string().nullable().describe('LRC-nnnn of a refusal'),
    message: z.string().nullable().describe('why, in words'),
    waiting: z.string().nullable().describe('of an agent that is training: why it stands still for now'),
    device: z.string().nullable().describe('what it said it trains with'),
    rank: z.int().nullable().describe('that it was asked to train; null: of the run'),
    trainSeconds: z.number().nullable(),
    lossFirst: z.number().nullable(),
    lossLast: z.number().nullable(),
    tokens: z.int().nullable(),
    bytesUp: z.number().describe('of its update, resent bytes included'),
    bytesDown: z.number().describe('base, adapters and releases'),
    progress: lastProgressSchema.nullable(),
    late: lateStartSchema.nullable().describe('of a seat of an earlier round that went on in this one'),
  })
  .meta({ id: 'AgentInRound' })
/** One agent in one attempt at a round. What does not apply to its fate is null. */
export type AgentInRound = Shown<typeof agentInRoundSchema>

const reasonCountSchema = z.object({ kind, code: z.string(), count: z.int() }).meta({ id: 'ReasonCount' })
/** How often one reason came up, most frequent first. */
export type ReasonCount = Shown<typeof reasonCountSchema>

const sumViewSchema = z
  .object({
    keys: z.int().describe('agents that sent keys'),
    shares: z.int().describe('that shared their secrets'),
    survivors: z.int().describe('whose updates are in the sum'),
    confirmations: z.int().describe('that confirmed it'),
    bytesUp: z.number().describe('masked updates, and what agents said for them'),
    bytesDown: z.number().describe('what agents were told for them'),
    plainBytes: z.number().describe('of the survivors’ updates in the clear, 32 bits a value'),
    ms: z.number().nullable().describe('from the last keys to the sum; null: it was not finished'),
    unmaskMs: z.number().nullable().describe('of the coordinator, to take the masks off'),
  })
  .meta({ id: 'SumView' })
/** A secure sum of an attempt: how many were on the list of each step, and what it cost beside the same updates in the clear. */
export type SumView = Shown<typeof sumViewSchema>

const roundStateSchema = z
  .enum(['open', 'closed', 'committed', 'failed'])
  .describe('closed: takes no update any more, not yet committed')

const attemptViewSchema = z
  .object({
    attempt: z.int().describe('1, 2, ...'),
    state: roundStateSchema,
    reason: z.string().nullable().describe('of its end, in words'),
    minimum: z.int(),
    goal: z.int().nullable(),
    deadlineAt: instantSchema.nullable(),
    plannedAt: instantSchema,
    closedAt: instantSchema.nullable().describe('from when on updates were refused'),
    endedAt: instantSchema.nullable(),
    reasons: z.array(reasonCountSchema).describe('why seats brought nothing'),
    agents: z.array(agentInRoundSchema),
    sum: z
      .exactOptional(sumViewSchema)
      .describe('of an attempt whose updates are summed unseen, once its keys were listed'),
    bystandersNotNamed: z.int().describe('agents without a seat beyond those that are recorded by name'),
  })
  .meta({ id: 'AttemptView' })
/** One attempt at a round: who took part in it and how it ended. */
export type AttemptView = Shown<typeof attemptViewSchema>

/** GET /api/v1/runs/:id/rounds/:n: one round with all its attempts. */
export const roundViewSchema = z
  .object({
    run: z.string(),
    round: z.int(),
    state: roundStateSchema,
    release: z.string().nullable(),
    loss: z.number().nullable().describe('of the candidate on held-out text'),
    energy: z.exactOptional(roundRecordSchema.shape.energy.unwrap()),
    cost: z.exactOptional(roundRecordSchema.shape.cost.unwrap()),
    aggregation: aggregationViewSchema
      .nullable()
      .describe('how the candidate was made; null before, and of rounds of older versions'),
    guards: z
      .array(guardFindingSchema)
      .describe('what each guard found of the candidate; none before, and of rounds of older versions'),
    attempts: z.array(attemptViewSchema),
  })
  .meta({ id: 'RoundView' })
export type RoundView = Shown<typeof roundViewSchema>

/** One line of GET /api/v1/runs/:id/rounds: a round and its latest attempt in numbers. */
export const roundSummarySchema = roundViewSchema
  .pick({ round: true, state: true, release: true, loss: true, energy: true, cost: true })
  .extend({
    attempts: z.int(),
    error: z.number().nullable().describe('of the candidate, relative to the exact mean of the updates'),
    reason: z.string().nullable().describe('of the end of the latest attempt'),
    seats: z.int(),
    accepted: z.int(),
    reasons: z.array(reasonCountSchema),
    bytesUp: z.number(),
    bytesDown: z.number(),
    plannedAt: instantSchema,
    endedAt: instantSchema.nullable(),
  })
  .meta({ id: 'RoundSummary' })
export type RoundSummary = Shown<typeof roundSummarySchema>
