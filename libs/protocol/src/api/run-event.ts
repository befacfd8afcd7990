import { z } from 'zod'
import { progressSchema } from '../messages/progress.js'
import { instantSchema } from './instant.js'
import { refusalRecordSchema, roundRecordSchema, runStateSchema } from './run-view.js'
import type { Shown } from './shown.js'

const stamp = {
  seq: z.int().describe('of the journal; a progress event repeats the last one'),
  at: instantSchema,
  runId: z.string(),
}
const ofAgent = { round: z.int(), agentId: z.string(), name: z.string() }
const refused = { code: z.string(), message: z.string() }
const measured = { loss: z.number().nullable(), tokens: z.int() }

function event<const Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ ...stamp, type: z.literal(type), ...fields })
}

/** One line of GET /api/v1/runs/:id/events. */
export const runEventSchema = z
  .discriminatedUnion('type', [
    event('run-created', { name: z.string() }),
    event('run-waiting', { reason: z.string() }),
    event('baseline-evaluated', measured),
    event('round-planned', {
      round: z.int(),
      attempt: z.int(),
      agents: z.array(z.string()),
      over: z
        .exactOptional(z.array(refusalRecordSchema))
        .describe('seats of earlier rounds that do not go on in this one'),
    }),
    event('progress', { ...ofAgent, ...progressSchema.omit({ assignmentId: true }).shape }),
    event('update-accepted', {
      ...ofAgent,
      updateSha256: z.string(),
      sizeBytes: z.int(),
      lossFirst: z.number().nullable().describe('null: it is private'),
      lossLast: z.number().nullable(),
    }),
    event('update-refused', { ...ofAgent, ...refused }),
    event('agent-declined', { ...ofAgent, ...refused }),
    event('privacy-charged', {
      round: z.int(),
      unit: z.enum(['site', 'example']),
      sites: z.array(z.string()).describe('names'),
      epsilon: z
        .number()
        .nullable()
        .describe('of the site that has spent most, over all runs; null: nothing can be promised'),
      delta: z.number(),
    }).describe('before anything of the round is released'),
    event('round-aggregated', { round: z.int(), adapterSha256: z.string() }),
    event('evaluation-received', { ...ofAgent, loss: z.number(), tokens: z.int() }),
    event('round-committed', { record: roundRecordSchema }),
    event('round-failed', { round: z.int(), attempt: z.int(), reason: z.string() }),
    event('final-evaluated', measured),
    event('run-ended', {
      state: runStateSchema,
      reason: z.string(),
      release: z.string().nullable(),
      adapterSha256: z.string().nullable(),
    }),
  ])
  .meta({ id: 'RunEvent' })
export type RunEvent = Shown<typeof runEventSchema>
