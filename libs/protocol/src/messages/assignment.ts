import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import {
  countSchema,
  fileSchema,
  filesSchema,
  idSchema,
  positiveSchema,
  sha256Schema,
  updateEncodingSchema,
} from './field.js'
import { readMessage, readReply } from './message.js'
import { probesSchema } from './probe.js'
import { since } from './since.js'

const adapterSchema = z.strictObject({ version: countSchema, files: filesSchema })

const origin = {
  assignmentId: idSchema,
  runId: idSchema,
  round: countSchema, // 1, 2, ...; an evaluation of round 0 measures the adapter that the run starts from
  base: z.strictObject({ sha256: sha256Schema, files: filesSchema }), // the frozen model, pinned by content
  adapter: adapterSchema, // a PEFT folder; version 0 is the start
  traceparent: since(2, traceparentSchema), // what the work belongs to, for those who look on; it asks for nothing, and is no part of what is asked
  personal: since(2, z.array(z.string().max(1024)).max(100_000)), // tensors of the adapter that agents have of their own, and never send; absent: none
}

const peftSchema = z.strictObject({
  method: z.literal('lora'),
  rank: positiveSchema.max(4096),
  alpha: z.number().positive(),
  targets: z.union([z.literal('all-linear'), z.array(z.string().max(255)).min(1).max(1024)]),
  rslora: z.boolean(),
  modulesToSave: since(2, z.array(z.string().max(255)).min(1).max(1024)), // ends of names of modules that are trained whole; absent: none
})

/** The terms of a secure sum beside the run, the round, and what it is of. */
const secureTermsSchema = z.strictObject({
  attempt: positiveSchema, // at the round
  elements: positiveSchema, // values of all tensors that are sent, or of what is measured
  ring: z.strictObject({
    agents: positiveSchema.max(limits.sumAgents), // the most that are summed
    bound: z.number().positive(), // of the magnitude of a value
    fractionBits: z.int().min(-160).max(160),
    bits: z.int().min(2).max(32), // of an element
  }),
  degree: positiveSchema, // neighbours of each agent
  threshold: positiveSchema, // shares that give a secret back
  minSurvivors: positiveSchema, // the fewest agents that a sum is of
  noise: since(
    2,
    z.strictObject({
      deviation: z.number().positive(), // of the normal noise that each agent adds to each value before it is masked
      honest: positiveSchema.max(limits.sumAgents), // agents whose noise a promise counts on
    }),
  ), // absent: none
})

const dataSchema = z.strictObject({
  format: z.enum(['text', 'chat', 'completion', 'classification', 'tokens']),
  maxTokens: positiveSchema.max(1_048_576), // columns of one row
  holdout: z.number().min(0).max(0.9), // share of the documents kept for evaluation
})

/** coordinator -> agent: train this adapter from here on your data. */
export const trainAssignmentSchema = z.strictObject({
  ...origin,
  kind: z.literal('train'),
  peft: peftSchema,
  data: dataSchema,
  local: z.strictObject({
    steps: positiveSchema, // optimizer steps in this round
    batch: positiveSchema.max(65_536), // rows of one batch
    learningRate: z.number().positive(),
    weightDecay: z.number().min(0),
    clipNorm: z.number().positive().nullable(), // of the gradient, each step
    schedule: z.enum(['constant', 'linear', 'cosine']),
    warmupSteps: countSchema,
    accumulate: positiveSchema, // batches per optimizer step
    optimizerState: z.enum(['reset', 'keep']), // keep: go on from the moments of this agent's last round
    optimizer: since(2, z.literal('sgd')), // absent: adamw
    totalSteps: positiveSchema, // of the whole run: the length of the schedule
    firstStep: countSchema, // steps of the run before this round
    proximal: since(2, z.number().positive().max(1e6)), // FedProx: mu / 2 of the squared distance from the adapter is added to the loss; absent: 0
  }),
  rank: since(2, positiveSchema.max(4096)), // train the adapter cut down to it: its first rows of A and columns of B; absent: all of it
  seed: countSchema,
  maxUpdateNorm: z.number().positive().nullable(), // L2 over all tensors; the agent scales its update down to it
  noise: since(2, z.strictObject({ multiplier: z.number().min(1e-3).max(1e6) })), // of maxUpdateNorm: the agent adds so much to the values of its clipped update, and says nothing of losses and counts; absent: none
  update: since(2, z.strictObject({ encoding: updateEncodingSchema })), // absent: f32
  control: since(
    2,
    z.strictObject({
      file: fileSchema.nullable(), // c of SCAFFOLD, with the tensors that are trained; null: zeros
      counted: sha256Schema.nullable(), // the latest update of this agent whose control c holds; null: none
    }),
  ), // absent: no correction
  secure: since(2, secureTermsSchema), // the update leaves masked, for a sum under these terms; absent: it leaves as it is
  trained: since(2, z.strictObject({ rank: positiveSchema.max(4096) })), // the leading rank of the adapter that is trained and sent; the rest is frozen; absent: all of it
  frozen: since(2, z.array(z.string().max(1024)).max(100_000)), // tensors of the adapter that are not trained, and not in the update; absent: none
  dp: since(
    2,
    z.strictObject({
      unit: z.literal('example'),
      noiseMultiplier: z.number().min(1e-3).max(1e6), // standard deviation of the noise on the sum of a step, over the clip
      clip: z.number().gt(0).max(1e6), // bound on the L2 norm of the gradient of one example
      delta: z.number().min(1e-100).lt(1),
      epsilon: z.number().gt(0).max(1e6), // the agent declines what would bring the examples of its data above it, over all runs
      noise: since(2, z.literal('shared')), // send the sum of the clipped gradients of one step into a secure sum whose noise is for examples; absent: take all steps with noise of its own
      samplingRate: since(2, z.number().gt(0).max(1)), // with shared noise: the chance of an example to take part
    }),
  ), // train with noise, on examples that each take part in a step by a secret coin of probability samplingRate, or local.batch / examples; absent: without
  deadlineMs: positiveSchema, // from receipt; an answer after this is late; 30 days where the round has no deadline
})

/** coordinator -> agent: measure this adapter on the text that you held out. */
export const evaluateAssignmentSchema = z.strictObject({
  ...origin,
  kind: z.literal('evaluate'),
  data: dataSchema,
  batch: positiveSchema.max(65_536), // rows of one batch
  maxTokensEvaluated: positiveSchema.nullable(), // null: all of it
  against: since(2, adapterSchema), // measure this one, too, and tell how the two compare example by example; absent: the loss alone
  probes: since(2, probesSchema), // with `against`: what else to compare; absent: nothing
  secure: since(2, secureTermsSchema), // what is measured leaves masked, for a sum under these terms; absent: it leaves as it is
  deadlineMs: positiveSchema,
})

export const assignmentSchema = z.discriminatedUnion('kind', [
  trainAssignmentSchema,
  evaluateAssignmentSchema,
])
export type TrainAssignment = Readonly<z.infer<typeof trainAssignmentSchema>>
export type EvaluateAssignment = Readonly<z.infer<typeof evaluateAssignmentSchema>>
export type Assignment = TrainAssignment | EvaluateAssignment

export const assignmentReplySchema = z.strictObject({})

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseAssignment(raw: unknown): Assignment {
  return readMessage(assignmentSchema, 'assignment', raw)
}

/** Checks an untrusted reply: the agent took the assignment. Throws its refusal, or LoricaError LRC-1012. */
export function parseAssignmentReply(raw: unknown): Record<never, never> {
  return readReply(assignmentReplySchema, 'assignment', raw)
}
