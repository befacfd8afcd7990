import { LoricaError, parseRunSpec } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import { availableAgents } from '../fleet/availability.js'
import { expectRole, neededRole, type Operator, type Role, roleOf } from '../fleet/operators.js'
import { previewOf } from '../rounds/preview.js'
import { replayRound } from '../rounds/replay.js'
import { addRun, pinRun } from '../rounds/start.js'
import { measuredRates } from '../runs/rates.js'
import type { Run } from '../runs/run.js'
import type { Doorway, Guest } from './doorway.js'
import { streamEvents } from './event-stream.js'
import { type FleetParts, fleetApi } from './fleet-api.js'
import { operatorsApi, sha256Of } from './operators-api.js'
import { privacyApi } from './privacy-api.js'
import { releasesApi } from './releases-api.js'
import { roundsApi } from './rounds-api.js'

/** What the operators' API acts on. */
export interface OperatorParts extends FleetParts {
  readonly adminToken: string
  readonly doorway: Doorway
}

type ById = { Params: { id: string } }

/** The operators' API, for holders of a token with the role that each request needs: agents, operators, runs, releases, blobs. */
export function operatorApi(app: FastifyInstance, parts: OperatorParts): void {
  const { ledger, roster, conductor, blobs } = parts
  void app.register(async (api) => {
    api.addHook('onRequest', async ({ method, routeOptions, headers, raw }) => {
      const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
      const role = operatorRole(given, raw.socket)
      parts.doorway.proven(raw.socket)
      expectRole(role, neededRole(method, routeOptions.url ?? ''))
    })

    fleetApi(api, parts)
    operatorsApi(api, parts)
    const replay = (run: Run, round: number) => replayRound(parts, run, round)
    privacyApi(api, ledger.accounts)
    roundsApi(api, { conductor, roster, runOf, replay })
    releasesApi(api, parts)

    api.post('/api/v1/runs', async ({ body }, reply) => {
      const runId = await addRun(body, parts, conductor)
      parts.log('run-created', { run: runId })
      return reply.status(201).send(conductor.view(runOf(runId)))
    })
    api.post('/api/v1/runs/lint', async ({ body }) => ({ spec: parseRunSpec(body) }))
    api.post('/api/v1/runs/plan', async ({ body }) => {
      const pinned = await pinRun(body, parts)
      const { path, sha256 } = pinned.base
      return previewOf(pinned, {
        ...{ members: ledger.members(), roster, available: availableAgents(parts), nowMs: parts.clock.now() },
        rates: measuredRates(ledger.runs(), sha256),
        memoryBytes: (await parts.models.stepBytes?.(path, pinned.spec)) ?? null,
      })
    })
    api.get('/api/v1/runs', async () => ({ runs: ledger.runs().map((run) => conductor.view(run)) }))
    api.get<ById>('/api/v1/runs/:id', async ({ params }) => conductor.view(runOf(params.id)))
    api.post<ById>('/api/v1/runs/:id/cancel', async ({ params }) => {
      const { runId } = runOf(params.id)
      await conductor.cancel(runId)
      return conductor.view(runOf(runId))
    })
    for (const verb of ['pause', 'resume'] as const) {
      api.post<ById>(`/api/v1/runs/:id/${verb}`, async ({ params }) => {
        const { runId } = runOf(params.id)
        await conductor[verb](runId)
        return conductor.view(runOf(runId))
      })
    }
    api.get<ById & { Querystring: { after?: string } }>('/api/v1/runs/:id/events', async (request, reply) => {
      const { runId } = runOf(request.params.id)
      streamEvents(parts, runId, afterOf(request.query.after), reply)
    })

    api.get<ById>('/api/v1/blobs/:id', async ({ params }, reply) => {
      if (!/^[0-9a-f]{64}$/.test(params.id))
        throw new LoricaError('LRC-3008', 'expected 64 hexadecimal digits')
      const bytes = await blobs.whole(params.id)
      return reply.header('content-type', 'application/octet-stream').send(Buffer.from(bytes))
    })
  })

  function operatorRole(token: string, guest: Guest): Role {
    const admin: Operator = { name: 'admin', role: 'admin', tokenSha256: sha256Of(parts.adminToken) }
    try {
      return roleOf(sha256Of(token), [admin, ...ledger.operators()])
    } catch (error) {
      if (token !== '') parts.doorway.wrong('operate', guest, 'LRC-2007')
      throw error
    }
  }

  function runOf(id: string) {
    const run = ledger.run(id) ?? ledger.runs().findLast(({ spec }) => spec.name === id)
    if (run !== undefined) return run
    throw new LoricaError('LRC-3004', `no run ${id.slice(0, 80)}`, { received: id.slice(0, 80) })
  }
}

function afterOf(text: string | undefined): number {
  if (text === undefined) return 0
  const seq = Number(text)
  if (Number.isSafeInteger(seq) && seq >= 0) return seq
  throw new LoricaError('LRC-1007', `"after" expected a whole number, got "${text.slice(0, 40)}"`, {
    expected: 'the seq of an event',
    received: text.slice(0, 40),
  })
}
