import { type AgentView, equalTexts, LoricaError, parseRunSpec } from '@lorica/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { agentView } from '../fleet/roster.js'
import type { Conductor } from '../rounds/conductor.js'
import type { Parts } from '../rounds/parts.js'
import { previewOf } from '../rounds/preview.js'
import { pinRun, prepareRun, runIdOf } from '../rounds/start.js'
import { streamEvents } from './event-stream.js'

/** What the operators' API acts on. */
export interface OperatorParts extends Parts {
  readonly conductor: Conductor
  readonly adminToken: string
  /** Issues a token and returns the join link. */
  readonly invite: () => Promise<string>
  /** Closes the connection of an agent. */
  readonly disconnect: (agentId: string) => void
}

type ById = { Params: { id: string } }

/** The operators' API: agents, runs, releases and blobs, for holders of the operator token. */
export function operatorApi(app: FastifyInstance, parts: OperatorParts): void {
  const { ledger, roster, conductor, registry, blobs } = parts
  void app.register(async (api) => {
    api.addHook('onRequest', async (request) => checkToken(request, parts.adminToken))

    api.get('/api/v1/agents', async () => ({
      agents: ledger
        .members()
        .map((member) => agentView(member, roster.find(member.agentId), doing(member.agentId))),
    }))
    api.post('/api/v1/agents/invite', async () => ({ join: await parts.invite() }))
    api.post<ById>('/api/v1/agents/:id/revoke', async ({ params }) => {
      const member = ledger.member(params.id)
      if (member === undefined)
        throw new LoricaError('LRC-2006', `no agent ${params.id}`, { received: params.id })
      ledger.record({ type: 'agent-left', agentId: member.agentId, how: 'revoked' })
      await ledger.flush()
      parts.disconnect(member.agentId)
      return { agentId: member.agentId }
    })

    api.post('/api/v1/runs', async ({ body }, reply) => {
      const start = await prepareRun(body, blobs)
      const runId = runIdOf(start.spec, ledger.runs())
      ledger.record({ type: 'run-created', runId, ...start })
      await ledger.flush()
      parts.log('run-created', { run: runId })
      conductor.runAdded()
      return reply.status(201).send(conductor.view(runOf(runId)))
    })
    api.post('/api/v1/runs/lint', async ({ body }) => ({ spec: parseRunSpec(body) }))
    api.post('/api/v1/runs/plan', async ({ body }) => previewOf(await pinRun(body), ledger.members(), roster))
    api.get('/api/v1/runs', async () => ({ runs: ledger.runs().map((run) => conductor.view(run)) }))
    api.get<ById>('/api/v1/runs/:id', async ({ params }) => conductor.view(runOf(params.id)))
    api.post<ById>('/api/v1/runs/:id/cancel', async ({ params }) => {
      const { runId } = runOf(params.id)
      await conductor.cancel(runId)
      return conductor.view(runOf(runId))
    })
    api.get<ById & { Querystring: { after?: string } }>('/api/v1/runs/:id/events', async (request, reply) => {
      const { runId } = runOf(request.params.id)
      streamEvents(ledger, runId, afterOf(request.query.after), reply)
    })

    api.get('/api/v1/releases', async () => ({ releases: registry.all() }))
    api.get<ById>('/api/v1/releases/:id', async ({ params }) => {
      const release = registry.find(params.id)
      if (release !== undefined) return release
      throw new LoricaError('LRC-3007', `no release ${params.id}`, { received: params.id })
    })
    api.get<ById>('/api/v1/blobs/:id', async ({ params }, reply) => {
      if (!/^[0-9a-f]{64}$/.test(params.id))
        throw new LoricaError('LRC-3008', 'expected 64 hexadecimal digits')
      const bytes = await blobs.whole(params.id)
      return reply.header('content-type', 'application/octet-stream').send(Buffer.from(bytes))
    })
  })

  function runOf(id: string) {
    const run = ledger.run(id) ?? ledger.runs().findLast(({ spec }) => spec.name === id)
    if (run !== undefined) return run
    throw new LoricaError('LRC-3004', `no run ${id.slice(0, 80)}`, { received: id.slice(0, 80) })
  }

  function doing(agentId: string): AgentView['doing'] {
    const active = conductor.active()
    if (active === undefined) return null
    const { runId, measurement } = active
    if (measurement?.state.assignments.has(agentId) && !measurement.state.answers.has(agentId)) {
      return { kind: 'evaluate', runId, round: measurement.round }
    }
    const { current } = active.run()
    const isTraining = current?.seats.get(agentId)?.status === 'training' && !current.isClosed
    return current !== null && isTraining ? { kind: 'train', runId, round: current.round } : null
  }
}

function checkToken({ headers }: FastifyRequest, adminToken: string): void {
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  if (!equalTexts(given, adminToken)) {
    throw new LoricaError('LRC-2007', 'the operator token is missing or wrong', {
      expected: 'authorization: Bearer TOKEN',
      received: given === '' ? 'no token' : 'another token',
    })
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
