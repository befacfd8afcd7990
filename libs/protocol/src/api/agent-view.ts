import { z } from 'zod'
import { instantSchema } from './instant.js'
import type { Shown } from './shown.js'

/** An agent as the operator API shows it. */
export const agentViewSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    isCordoned: z.boolean().describe('takes part in no new round'),
    state: z
      .enum(['connected', 'away', 'pending', 'left'])
      .describe('pending: waits for an operator’s approval'),
    joinedAt: instantSchema,
    software: z.string().nullable(),
    device: z
      .object({
        kind: z.string(),
        name: z.exactOptional(z.string()),
        threads: z.int(),
        memoryBytes: z.number(),
        gpu: z.exactOptional(z.object({ name: z.string(), memoryBytes: z.number() })),
      })
      .nullable(),
    dataset: z.object({ documents: z.int(), tokens: z.exactOptional(z.int()) }).nullable(),
    doing: z.object({ kind: z.enum(['train', 'evaluate']), runId: z.string(), round: z.int() }).nullable(),
    pendingKeyId: z
      .string()
      .nullable()
      .describe('of a key that it offered in place of its own and that waits for an operator’s approval'),
    alarm: z
      .object({
        at: instantSchema,
        kind: z.string(),
        detail: z.string(),
        count: z.int().describe('how often since the line before about the same'),
      })
      .nullable()
      .describe(
        'the last thing about it that somebody should look at, such as duplicate-identity: its key is on two machines',
      ),
  })
  .meta({ id: 'AgentView' })
export type AgentView = Shown<typeof agentViewSchema>
