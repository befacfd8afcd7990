import { z } from 'zod'
import type { RunSpec } from '../spec/run-spec.js'
import { instantSchema } from './instant.js'
import { runSpecShownSchema } from './run-spec-shown.js'
import type { Shown } from './shown.js'

const plannedAgentSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    fate: z
      .enum(['invited', 'reserve', 'unsuited', 'excluded', 'cordoned', 'away'])
      .describe('invited: has a seat; the others as in rounds'),
    reason: z.string().nullable().describe('of those without a seat'),
    rank: z.int().nullable().describe('that it would train; null: that of the run, or it is not connected'),
    tokensPerSecond: z
      .number()
      .nullable()
      .describe('padding included, in its last round on this base; null: it was never measured'),
    memoryBytes: z
      .number()
      .nullable()
      .describe('of its largest GPU, or of the machine where it trains on the processor; null: not known'),
  })
  .meta({ id: 'PlannedAgent' })
/** What would become of an agent in the first round of a run. */
export type PlannedAgent = Shown<typeof plannedAgentSchema>

const plannedPrivacySchema = z
  .object({
    epsilon: z.number().describe('of all rounds, for each site'),
    delta: z.number(),
    noiseMultiplier: z.number(),
    clip: z.number().describe('what one update is long, at most'),
    cohort: z.number().describe('what the sum is divided by'),
    noiseNorm: z.number().describe('L2 of the noise on the mean of a round'),
    honest: z
      .exactOptional(z.int())
      .describe(
        'of noise that agents share out: those whose noise counts; that of all others only adds to it',
      ),
    colluding: z.exactOptional(z.int()).describe('and so many may work together with the coordinator'),
  })
  .meta({ id: 'PlannedPrivacy' })
/** What a run that protects its sites would do to the mean of a round. */
export type PlannedPrivacy = Shown<typeof plannedPrivacySchema>

/** A run before it is started: who would take part, and what it would move. */
export const planViewSchema = z
  .object({
    spec: runSpecShownSchema,
    base: z.object({ name: z.string(), sha256: z.string(), sizeBytes: z.int() }),
    parameters: z.int().describe('that each agent trains'),
    agents: z.array(plannedAgentSchema),
    bytes: z
      .object({ base: z.number(), downEachRound: z.number(), upEachRound: z.number() })
      .describe(
        'of one agent of the run’s rank: the base once, unless it has it; the adapter in each round, both ways',
      ),
    tokensEachRound: z.number().describe('that one agent reads in one round, padding included'),
    memoryBytes: z
      .number()
      .nullable()
      .describe('that a step keeps at most: weights, computed values, optimizer; null: not known'),
    seconds: z
      .object({ eachRound: z.number(), all: z.number() })
      .nullable()
      .describe('of training, by the slowest of those invited; null: not all of them were measured'),
    opensAt: instantSchema.nullable().describe('when its schedule lets it begin; null: at once'),
    privacy: z
      .exactOptional(plannedPrivacySchema.nullable())
      .describe('null of a run without such a promise, and while no agent would take part'),
    ready: z.boolean().describe('enough agents for the first round'),
  })
  .meta({ id: 'PlanView' })
export type PlanView = Omit<Shown<typeof planViewSchema>, 'spec'> & { readonly spec: RunSpec }
