import { type AgentView, LoricaError, labelKeySchema, readMessage } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { agentView, type Member } from '../fleet/roster.js'
import type { Invitation } from '../fleet/tokens.js'
import type { Conductor } from '../rounds/conductor.js'
import type { Parts } from '../rounds/parts.js'
import { openSeats, roundOf } from '../runs/open-seats.js'
import { type Issued, parseInvite } from './invitations.js'

const labellingSchema = z.strictObject({
  labels: z
    .record(labelKeySchema, z.string().max(64).nullable())
    .refine((labels) => Object.keys(labels).length <= 16, 'expected at most 16 labels'),
})
const parseLabelling = (body: unknown) => readMessage(labellingSchema, 'label', body)

/** What decisions about the fleet act on. */
export interface FleetParts extends Parts {
  readonly conductor: Conductor
  /** Issues join links. */
  readonly invite: (invitations: readonly Invitation[]) => Promise<readonly Issued[]>
  /** Closes the connection of an agent. */
  readonly disconnect: (agentId: string) => void
}

type ById = { Params: { id: string } }

/** Who is in the fleet, and decisions about it. An agent is named by its id, or by its name. */
export function fleetApi(api: FastifyInstance, parts: FleetParts): void {
  const { ledger, roster, conductor } = parts

  api.get('/api/v1/agents', async () => ({
    agents: ledger.members().map(viewOf),
  }))
  api.post('/api/v1/agents/invite', async ({ body }) => {
    const issued = await parts.invite(parseInvite(body ?? {}, parts.clock.now()))
    return { join: issued[0]?.join, links: issued }
  })
  api.get<ById>('/api/v1/agents/:id', async ({ params }) => viewOf(memberOf(params.id)))
  api.post<ById>('/api/v1/agents/:id/approve', async ({ params }) => {
    const { agentId, nextKey } = memberOf(params.id)
    ledger.record({ type: 'agent-approved', agentId })
    await ledger.flush()
    if (nextKey !== null) parts.disconnect(agentId) // it comes back with the next key
    return viewOf(memberOf(agentId))
  })
  api.post<ById>('/api/v1/agents/:id/label', async ({ params, body }) => {
    const { agentId } = memberOf(params.id)
    ledger.record({ type: 'agent-labelled', agentId, labels: parseLabelling(body).labels })
    conductor.fleetChanged()
    await ledger.flush()
    return viewOf(memberOf(agentId))
  })
  for (const verb of ['cordon', 'uncordon'] as const) {
    api.post<ById>(`/api/v1/agents/:id/${verb}`, async ({ params }) => {
      const { agentId, isCordoned } = memberOf(params.id)
      const isMeant = verb === 'cordon'
      if (isCordoned !== isMeant) {
        ledger.record({ type: 'agent-cordoned', agentId, isCordoned: isMeant })
        conductor.fleetChanged()
        await ledger.flush()
      }
      return viewOf(memberOf(agentId))
    })
  }
  for (const [verb, how] of [
    ['revoke', 'revoked'],
    ['reject', 'rejected'],
  ] as const) {
    api.post<ById>(`/api/v1/agents/:id/${verb}`, async ({ params }) => {
      const { agentId } = memberOf(params.id)
      ledger.record({ type: 'agent-left', agentId, how })
      parts.disconnect(agentId) // at once, even while the disk is full
      conductor.revoked(agentId)
      await ledger.flush()
      return viewOf(memberOf(agentId))
    })
  }

  /** A member by its id or its name; of several of a name the newest. */
  function memberOf(id: string): Member {
    const member =
      ledger.member(id) ?? ledger.members().findLast(({ name, left }) => name === id && left === null)
    if (member !== undefined) return member
    throw new LoricaError('LRC-2006', `no agent ${id.slice(0, 80)}`, { received: id.slice(0, 80) })
  }

  function viewOf(member: Member): AgentView {
    return agentView(member, roster.find(member.agentId), doing(member.agentId))
  }

  function doing(agentId: string): AgentView['doing'] {
    for (const active of conductor.activeRuns()) {
      const { runId, measurement } = active
      if (measurement?.state.assignments.has(agentId) && !measurement.state.answers.has(agentId)) {
        return { kind: 'evaluate', runId, round: measurement.round }
      }
      const open = openSeats(active.run(), agentId)
      const seat = open?.seats.get(agentId)
      if (open?.isClosed === false && seat?.status === 'training')
        return { kind: 'train', runId, round: roundOf(seat, open) }
    }
    return null
  }
}
