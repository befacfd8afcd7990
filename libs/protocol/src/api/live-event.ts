import { z } from 'zod'
import { instantSchema } from './instant.js'
import { releaseAuditSchema } from './release-audit.js'
import { runEventSchema } from './run-event.js'
import type { Shown } from './shown.js'

const stamp = {
  seq: z.int().describe('of the journal; an event that is not kept repeats the last one'),
  at: instantSchema,
}
const agent = { agentId: z.string() }

function event<const Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ ...stamp, type: z.literal(type), ...fields })
}

/** What happens to the fleet and to its releases, for those who look on. */
export const fleetLiveEventSchema = z
  .discriminatedUnion('type', [
    event('coordinator-started', { software: z.string() }),
    event('agent-joined', { ...agent, name: z.string(), isApproved: z.boolean() }),
    event('agent-approved', agent),
    event('agent-key-offered', { ...agent, isApproved: z.boolean() }),
    event('agent-key-changed', agent),
    event('agent-labelled', { ...agent, labels: z.record(z.string(), z.string().nullable()) }),
    event('agent-cordoned', { ...agent, isCordoned: z.boolean() }),
    event('agent-left', { ...agent, how: z.enum(['left', 'revoked', 'rejected']) }),
    event('agent-connected', { ...agent, name: z.string() }).describe('not kept'),
    event('agent-disconnected', { ...agent, name: z.string() }).describe('not kept'),
    event('run-paused', { runId: z.string() }),
    event('run-resumed', { runId: z.string() }),
    event('rollout-step', {
      rollout: z.string(),
      step: z.string().describe('created, approved, group-opened, soaking, paused, …'),
      group: z.int().nullable(),
      reason: z.string().nullable(),
    }),
    event('rollout-metrics', { rollout: z.string() }).describe(
      'not kept: agents told of requests or losses, and what a rollout is judged by may be different',
    ),
    event('rollout-refused', { run: z.string(), release: z.string(), code: z.string(), message: z.string() }),
    event('champion-targeted', { serial: z.int(), release: z.string() }),
    event('target-reported', {
      ...agent,
      release: z.string(),
      outcome: z.enum(['applied', 'failed']),
      isServed: z.boolean(),
      reason: z.string().nullable(),
    }),
    event('alias-moved', { alias: z.string(), release: z.string().nullable() }),
    event('release-audited', releaseAuditSchema.pick({ release: true, verdict: true, reason: true }).shape),
    event('alarm', { kind: z.string(), subject: z.string(), detail: z.string(), count: z.int() }),
  ])
  .meta({ id: 'FleetLiveEvent' })
export type FleetLiveEvent = Shown<typeof fleetLiveEventSchema>

/** One event of the live connection of operators. */
export const liveEventSchema = z.union([runEventSchema, fleetLiveEventSchema]).meta({ id: 'LiveEvent' })
export type LiveEvent = Shown<typeof liveEventSchema>

/** The path of the live connection, and its namespace. */
export const LIVE_PATH = '/api/v1/live'
export const LIVE_NAMESPACE = '/events'

/** The first WebSocket protocol that a live connection offers; the second may carry the token, where headers cannot be set. */
export const LIVE_PROTOCOL = 'lorica.events'
export const TOKEN_PROTOCOL = 'bearer.'
