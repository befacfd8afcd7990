import { z } from 'zod'
import { energySchema, updateEncodingSchema } from '../messages/field.js'
import { agentEvaluationSchema } from '../signing/manifest.js'
import type { RunSpec } from '../spec/run-spec.js'
import { guardFindingSchema } from './guard-finding.js'
import { instantSchema } from './instant.js'
import { runSpecShownSchema } from './run-spec-shown.js'
import type { Shown } from './shown.js'

/** What an update started from that counts in a later round than it was asked for in. */
export const lateStartSchema = z
  .object({
    round: z.int().describe('in which it was asked for'),
    version: z.int().describe('of the adapter that it changes'),
    staleness: z.int().describe('releases of the run since then'),
  })
  .meta({ id: 'LateStart' })
export type LateStart = Shown<typeof lateStartSchema>

const contributionRecordSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    updateSha256: z.string(),
    weight: z
      .number()
      .describe(
        'share of the aggregate; shares add up to 1, or less where a robust rule left a part to the adapter before',
      ),
    tokens: z.int(),
    examples: z.int(),
    norm: z.number().nullable().describe('L2 over all tensors of the update; null: it came masked'),
    trainMs: z.number(),
    lossFirst: z.number().nullable().describe('null: it is private'),
    lossLast: z.number().nullable(),
    sizeBytes: z.exactOptional(z.int()).describe('as it travelled'),
    encoding: z.exactOptional(updateEncodingSchema).describe('f32 when absent'),
    samplingRate: z
      .exactOptional(z.number())
      .describe('the chance of an example to take part in a step, where examples are protected'),
    energy: z.exactOptional(energySchema).describe('of the machine while it trained'),
    late: z.exactOptional(lateStartSchema).describe('of an update that was asked for in an earlier round'),
  })
  .meta({ id: 'ContributionRecord' })
/** What one agent brought to a round. */
export type ContributionRecord = Shown<typeof contributionRecordSchema>

/** Why an agent brought nothing to a round. */
export const refusalRecordSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    kind: z.enum(['refused', 'declined', 'absent']),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'RefusalRecord' })
export type RefusalRecord = Shown<typeof refusalRecordSchema>

const roundEnergySchema = z
  .object({
    joules: z.number().describe('of the machines of the updates that count, while they trained'),
    estimatedShare: z.number().describe('the share of it that no counter measured'),
    updates: z.int().describe('that said what they took'),
  })
  .meta({ id: 'RoundEnergy' })
/** What the training of a round took of the grid. */
export type RoundEnergy = Shown<typeof roundEnergySchema>

const roundCostSchema = z
  .object({
    energy: z.number(),
    traffic: z.number(),
    currency: z.string(),
  })
  .meta({ id: 'RoundCost', description: 'at the prices that the coordinator was started with' })
/** What a round cost, at the prices that the coordinator was started with. */
export type RoundCost = Shown<typeof roundCostSchema>

/** One round that was committed. */
export const roundRecordSchema = z
  .object({
    round: z.int(),
    attempt: z.int(),
    verdict: z.enum(['released', 'rejected']),
    reason: z.string().describe('why, in words'),
    release: z.string().nullable(),
    contributions: z.array(contributionRecordSchema),
    refused: z.array(refusalRecordSchema),
    bytesUp: z.number().describe('agents to coordinator, updates only'),
    bytesUpAsF32: z.exactOptional(z.number()).describe('what bytesUp would have been in f32'),
    bytesDown: z.number().describe('coordinator to agents: base, adapters and releases'),
    energy: z.exactOptional(roundEnergySchema),
    cost: z.exactOptional(roundCostSchema),
    seconds: z.number().describe('from plan to commit'),
    trainSeconds: z.number().describe('of the slowest agent'),
    evaluateSeconds: z.number().describe('from the candidate to the last measurement'),
    overheadSeconds: z.number().describe('seconds less trainSeconds'),
    loss: z.number().nullable().describe('of the candidate on held-out text, mean over tokens'),
    parentLoss: z.number().nullable().describe('of what it replaces, on the same text'),
    guards: z
      .exactOptional(z.array(guardFindingSchema))
      .describe('what each guard found; absent in rounds of older versions'),
    evaluation: z.array(agentEvaluationSchema),
    adapterSha256: z.string().describe('of adapter_model.safetensors that the next round starts from'),
    committedAt: instantSchema,
  })
  .meta({ id: 'RoundRecord' })
export type RoundRecord = Shown<typeof roundRecordSchema>

export const runStateSchema = z.enum([
  'queued',
  'waiting',
  'paused',
  'running',
  'succeeded',
  'failed',
  'cancelled',
])
export type RunState = z.infer<typeof runStateSchema>

const measuredSchema = z.object({
  loss: z.number().nullable(),
  tokens: z.int(),
  perAgent: z.array(agentEvaluationSchema),
})

/** A run as the operator API shows it. */
export const runViewSchema = z
  .object({
    run: z.string(),
    name: z.string(),
    state: runStateSchema,
    reason: z.string().nullable().describe('why it waits or failed'),
    spec: runSpecShownSchema,
    base: z.object({ sha256: z.string(), name: z.string() }),
    release: z.string().nullable().describe('the newest of the run'),
    adapterSha256: z.string().nullable().describe('of its adapter_model.safetensors'),
    baseline: measuredSchema.nullable(),
    final: measuredSchema.nullable(),
    rounds: z.array(roundRecordSchema),
    createdAt: instantSchema,
    endedAt: instantSchema.nullable(),
  })
  .meta({ id: 'RunView' })
export type RunView = Omit<Shown<typeof runViewSchema>, 'spec'> & { readonly spec: RunSpec }
