import {
  rolloutDetailSchema,
  rolloutPreviewSchema,
  rolloutSpecSchema,
  rolloutViewSchema,
} from '@lorica/protocol'
import { z } from 'zod'
import { nextOf, nextSchema, pageOf, pageSchema } from '../api/paging.js'
import { entityTag, expectUnchanged, preconditionHeaders } from '../api/precondition.js'
import { body, type Route, route } from '../api/route.js'
import type { Director } from '../rollouts/director.js'

const rolloutParams = z.object({ id: z.string().describe('of the rollout, or latest') })
const planSchema = z
  .unknown()
  .describe('as under `rollout` of a run file; left out: the default plan')
  .meta({ allOf: [z.toJSONSchema(rolloutSpecSchema, { io: 'input', unrepresentable: 'any' })] })
const startSchema = z.strictObject({
  release: z.string().min(1).max(80).describe('its name, or an alias of it'),
  plan: planSchema.optional(),
})
const promoteSchema = z.strictObject({
  full: z.boolean().default(false).describe('and open all groups that are left, without a soak'),
})
const startCodes = ['LRC-3007', 'LRC-3017', 'LRC-3020', 'LRC-3021', 'LRC-3022', 'LRC-3023'] as const
const orderCodes = ['LRC-1015', 'LRC-3019', 'LRC-3023'] as const

/** Rollouts: what one would be, its start, its progress, and what a person tells it. */
export function rolloutsRoutes(director: Director): readonly Route[] {
  return [
    route({
      path: 'GET /api/v1/rollouts',
      role: 'viewer',
      summary: 'The rollouts, oldest first',
      query: pageSchema,
      answer: z.object({ rollouts: z.array(rolloutViewSchema), next: nextSchema }),
      act: ({ query }) => {
        const page = pageOf(director.views(), ({ rollout }) => rollout, query)
        return { rollouts: page.items, ...nextOf(page) }
      },
    }),
    route({
      path: 'GET /api/v1/rollouts/:id',
      role: 'viewer',
      summary: 'One rollout with its agents, its metrics and its history',
      params: rolloutParams,
      answer: rolloutDetailSchema,
      codes: ['LRC-3019'],
      act: ({ params, reply }) => {
        const detail = director.detail(params.id)
        void reply.header('etag', entityTag(detail.tag))
        return detail
      },
    }),
    route({
      path: 'POST /api/v1/rollouts/plan',
      role: 'viewer',
      summary: 'Says which agents the groups of a plan would have; starts nothing',
      body: body('rollout', startSchema),
      answer: rolloutPreviewSchema,
      codes: startCodes,
      act: ({ body: { release, plan } }) => director.preview(release, plan),
    }),
    route({
      path: 'POST /api/v1/rollouts',
      role: 'operator',
      summary: 'Starts a rollout of a release',
      body: body('rollout', startSchema),
      status: 201,
      answer: rolloutDetailSchema,
      isOnce: true,
      codes: startCodes,
      act: async ({ body: { release, plan }, once: { earlier, mark } }) => {
        if (earlier !== undefined && 'rolloutId' in earlier.event)
          return director.detail(earlier.event.rolloutId)
        return director.detail(await director.start(release, plan, mark))
      },
    }),
    route({
      path: 'POST /api/v1/rollouts/:id/promote',
      role: 'operator',
      summary: 'Goes on: what is open counts as good',
      params: rolloutParams,
      headers: preconditionHeaders,
      body: body('promote', promoteSchema),
      answer: rolloutDetailSchema,
      codes: orderCodes,
      act: async ({ params: { id }, body: { full: isFull }, request: { headers } }) => {
        await director.act(id, 'promote', { isFull, expect: (tag) => expectUnchanged(headers, tag) })
        return director.detail(id)
      },
    }),
    ...steering.map(([verb, summary]) =>
      route({
        path: `POST /api/v1/rollouts/:id/${verb}`,
        role: 'operator',
        summary,
        params: rolloutParams,
        headers: preconditionHeaders,
        answer: rolloutDetailSchema,
        codes: orderCodes,
        act: async ({ params: { id }, request: { headers } }) => {
          await director.act(id, verb, { expect: (tag) => expectUnchanged(headers, tag) })
          return director.detail(id)
        },
      }),
    ),
  ]
}

const steering = [
  ['approve', 'Lets a rollout begin that waits for a person'],
  ['pause', 'Opens no further group; agents stay as they are'],
  ['resume', 'Lets a paused rollout go on, and wait for what it waited for'],
  ['abort', 'Ends a rollout: every agent goes back'],
  ['retry', 'Tries again: the group that is paused, or an aborted rollout from its first group'],
  ['undo', 'Goes back after everybody had the release; nothing is downloaded'],
] as const
