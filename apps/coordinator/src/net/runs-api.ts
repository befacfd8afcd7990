import {
  parseRunSpec,
  planViewSchema,
  type RunSpec,
  runEventSchema,
  runSpecSchema,
  runSpecShownSchema,
  runViewSchema,
} from '@lorica/protocol'
import { z } from 'zod'
import { nextOf, nextSchema, pageOf, pageSchema } from '../api/paging.js'
import { answered, body, bodyReadBy, type Route, route } from '../api/route.js'
import { availableAgents } from '../fleet/availability.js'
import { expectChampion, expectWebhooks } from '../rollouts/starting.js'
import type { Conductor } from '../rounds/conductor.js'
import type { Parts } from '../rounds/parts.js'
import { previewOf } from '../rounds/preview.js'
import { addRun, pinRun } from '../rounds/start.js'
import { measuredRates } from '../runs/rates.js'
import type { Run } from '../runs/run.js'
import { streamEvents } from './event-stream.js'

const runParams = z.object({ id: z.string().describe('of the run, or its name: its newest run') })
const eventsQuery = z.object({
  after: z.coerce
    .number('expected a whole number')
    .int('expected a whole number')
    .min(0)
    .default(0)
    .describe('the seq of the last event that is known'),
})
const runFile = bodyReadBy((raw) => raw, runSpecSchema) // read where its run is made: refusals say LRC-3001
const runCodes = ['LRC-3001', 'LRC-3002', 'LRC-3003', 'LRC-3014'] as const

/** Runs: checked, planned, started and steered. `runOf` finds a run by its id or name. */
export function runsRoutes(
  parts: Parts & { readonly conductor: Conductor },
  runOf: (id: string) => Run,
): readonly Route[] {
  const { ledger, roster, conductor, webhooks } = parts
  const expectHooks = ({ rollout = null }: RunSpec) => {
    if (rollout !== null) expectWebhooks(rollout, webhooks?.names ?? [])
  }
  return [
    route({
      path: 'POST /api/v1/runs',
      role: 'operator',
      summary: 'Starts a run',
      body: runFile,
      status: 201,
      answer: runViewSchema,
      isOnce: true,
      codes: [...runCodes, 'LRC-3020', 'LRC-3021'],
      act: async ({ body, once: { earlier, mark } }) => {
        if (earlier !== undefined && 'runId' in earlier.event)
          return conductor.view(runOf(earlier.event.runId))
        const spec = parseRunSpec(body)
        expectHooks(spec)
        expectChampion(spec, parts)
        const runId = await addRun(body, parts, conductor, mark)
        parts.log('run-created', { run: runId })
        return conductor.view(runOf(runId))
      },
    }),
    route({
      path: 'POST /api/v1/runs/lint',
      role: 'viewer',
      summary: 'Checks a run file, and starts nothing',
      body: runFile,
      answer: z.object({ spec: runSpecShownSchema }),
      codes: [...runCodes, 'LRC-3020'],
      act: ({ body }) => {
        const spec = parseRunSpec(body)
        expectHooks(spec)
        return { spec }
      },
    }),
    route({
      path: 'POST /api/v1/runs/plan',
      role: 'viewer',
      summary: 'Says who would take part in a run, and what it would move; starts nothing',
      body: runFile,
      answer: planViewSchema,
      codes: [...runCodes, 'LRC-3020'],
      act: async ({ body }) => {
        const pinned = await pinRun(body, parts)
        expectHooks(pinned.spec)
        const { path, sha256 } = pinned.base
        return previewOf(pinned, {
          ...{
            members: ledger.members(),
            roster,
            available: availableAgents(parts),
            nowMs: parts.clock.now(),
          },
          rates: measuredRates(ledger.runs(), sha256),
          memoryBytes: (await parts.models.stepBytes?.(path, pinned.spec)) ?? null,
        })
      },
    }),
    route({
      path: 'GET /api/v1/runs',
      role: 'viewer',
      summary: 'The runs, oldest first',
      query: pageSchema,
      answer: z.object({ runs: z.array(runViewSchema), next: nextSchema }),
      act: ({ query }) => {
        const page = pageOf(ledger.runs(), ({ runId }) => runId, query)
        return { runs: page.items.map((run) => conductor.view(run)), ...nextOf(page) }
      },
    }),
    route({
      path: 'GET /api/v1/runs/:id',
      role: 'viewer',
      summary: 'One run with its committed rounds',
      params: runParams,
      answer: runViewSchema,
      codes: ['LRC-3004'],
      act: ({ params }) => conductor.view(runOf(params.id)),
    }),
    ...steering.map(([verb, summary]) =>
      route({
        path: `POST /api/v1/runs/:id/${verb}`,
        role: 'operator',
        summary,
        params: runParams,
        answer: runViewSchema,
        codes: ['LRC-3004', 'LRC-3005'],
        act: async ({ params }) => {
          const { runId } = runOf(params.id)
          await conductor[verb](runId)
          return conductor.view(runOf(runId))
        },
      }),
    ),
    ...decisions.map(([verb, decision, summary]) =>
      route({
        path: `POST /api/v1/runs/:id/${verb}`,
        role: 'operator',
        summary,
        params: runParams,
        body: decisionBody,
        answer: runViewSchema,
        codes: ['LRC-3004', 'LRC-3005', 'LRC-3024'],
        act: async ({ params, body: { reason = null } }) => {
          const { runId } = runOf(params.id)
          await conductor.decide(runId, decision, reason)
          return conductor.view(runOf(runId))
        },
      }),
    ),
    route({
      path: 'GET /api/v1/runs/:id/events',
      role: 'viewer',
      summary:
        'What happens in a run, as lines of JSON, until it ends; an empty line keeps the connection open',
      params: runParams,
      query: eventsQuery,
      answer: runEventSchema,
      media: 'application/x-ndjson',
      codes: ['LRC-3004'],
      act: ({ params, query, reply }) => {
        const { runId } = runOf(params.id)
        streamEvents(parts, runId, query.after, reply)
        return answered
      },
    }),
  ]
}

const decisionBody = body(
  'decision',
  z.strictObject({
    reason: z.string().min(1).max(1000).optional().describe('why, for those who read the journal'),
  }),
)

const decisions = [
  ['approve', 'released', 'Releases a candidate that its guards left to a person'],
  ['reject', 'rejected', 'Does not release a candidate that its guards left to a person'],
] as const

const steering = [
  ['cancel', 'Ends a run'],
  ['pause', 'Lets a run open no new round'],
  ['resume', 'Lets a paused run go on'],
] as const
