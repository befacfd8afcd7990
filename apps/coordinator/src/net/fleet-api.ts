import { type AgentView, agentViewSchema, LoricaError, labelKeySchema } from '@lorica/protocol'
import { z } from 'zod'
import type { Once } from '../api/once.js'
import { nextOf, nextSchema, pageOf, pageSchema } from '../api/paging.js'
import { body, bodyReadBy, type Route, route } from '../api/route.js'
import { agentView, type Member } from '../fleet/roster.js'
import type { Invitation } from '../fleet/tokens.js'
import type { Conductor } from '../rounds/conductor.js'
import type { Parts } from '../rounds/parts.js'
import { openSeats, roundOf } from '../runs/open-seats.js'
import { type Issued, inviteSchema, parseInvite } from './invitations.js'

const labellingSchema = z.strictObject({
  labels: z
    .record(labelKeySchema, z.string().max(64).nullable())
    .refine((labels) => Object.keys(labels).length <= 16, 'expected at most 16 labels')
    .describe('in the place of those it joined with; null takes one away'),
})

const agentParams = z.object({ id: z.string().describe('of the agent, or its name') })
const issuedSchema = z.object({ name: z.string().nullable(), join: z.string() })

/** What decisions about the fleet act on. */
export interface FleetParts extends Parts {
  readonly conductor: Conductor
  /** Issues join links. */
  readonly invite: (
    invitations: readonly Invitation[],
    once?: Pick<Once, 'random' | 'mark'>,
  ) => Promise<readonly Issued[]>
  /** Closes the connection of an agent. */
  readonly disconnect: (agentId: string) => void
}

/** Who is in the fleet, and decisions about it. An agent is named by its id, or by its name. */
export function fleetRoutes(parts: FleetParts): readonly Route[] {
  const { ledger, roster, conductor } = parts

  return [
    route({
      path: 'GET /api/v1/agents',
      role: 'viewer',
      summary: 'The agents, in the order in which they joined',
      query: pageSchema,
      answer: z.object({ agents: z.array(agentViewSchema), next: nextSchema }),
      act: ({ query }) => {
        const page = pageOf(ledger.members(), ({ agentId }) => agentId, query)
        return { agents: page.items.map(viewOf), ...nextOf(page) }
      },
    }),
    route({
      path: 'POST /api/v1/agents/invite',
      role: 'admin',
      summary: 'Makes join links: for one agent each and a week, unless it says otherwise',
      body: bodyReadBy((raw) => parseInvite(raw ?? {}, parts.clock.now()), inviteSchema),
      answer: z.object({ join: z.string().optional(), links: z.array(issuedSchema) }),
      isOnce: true,
      act: async ({ body, once }) => {
        const issued = await parts.invite(body, once)
        return { join: issued[0]?.join, links: issued }
      },
    }),
    route({
      path: 'GET /api/v1/agents/:id',
      role: 'viewer',
      summary: 'One agent',
      params: agentParams,
      answer: agentViewSchema,
      codes: ['LRC-2006'],
      act: ({ params }) => viewOf(memberOf(params.id)),
    }),
    route({
      path: 'POST /api/v1/agents/:id/approve',
      role: 'admin',
      summary: 'Lets an agent in that waits for it, or takes the key that it offers',
      params: agentParams,
      answer: agentViewSchema,
      codes: ['LRC-2006'],
      act: async ({ params }) => {
        const { agentId, nextKey } = memberOf(params.id)
        ledger.record({ type: 'agent-approved', agentId })
        await ledger.flush()
        if (nextKey !== null) parts.disconnect(agentId) // it comes back with the next key
        return viewOf(memberOf(agentId))
      },
    }),
    route({
      path: 'POST /api/v1/agents/:id/label',
      role: 'admin',
      summary: 'Sets and takes away labels of an agent',
      params: agentParams,
      body: body('label', labellingSchema),
      answer: agentViewSchema,
      codes: ['LRC-2006'],
      act: async ({ params, body: { labels } }) => {
        const { agentId } = memberOf(params.id)
        ledger.record({ type: 'agent-labelled', agentId, labels })
        conductor.fleetChanged()
        await ledger.flush()
        return viewOf(memberOf(agentId))
      },
    }),
    ...(['cordon', 'uncordon'] as const).map((verb) =>
      route({
        path: `POST /api/v1/agents/:id/${verb}`,
        role: 'operator',
        summary:
          verb === 'cordon' ? 'Keeps an agent out of new rounds' : 'Lets an agent take part in rounds again',
        params: agentParams,
        answer: agentViewSchema,
        codes: ['LRC-2006'],
        act: async ({ params }) => {
          const { agentId, isCordoned } = memberOf(params.id)
          const isMeant = verb === 'cordon'
          if (isCordoned !== isMeant) {
            ledger.record({ type: 'agent-cordoned', agentId, isCordoned: isMeant })
            conductor.fleetChanged()
            await ledger.flush()
          }
          return viewOf(memberOf(agentId))
        },
      }),
    ),
    ...(['revoke', 'reject'] as const).map((verb) =>
      route({
        path: `POST /api/v1/agents/:id/${verb}`,
        role: 'admin',
        summary:
          verb === 'revoke'
            ? 'Takes an agent out of the fleet for good; what it brought to open rounds does not count'
            : 'Turns away an agent that waits for approval, for good',
        params: agentParams,
        answer: agentViewSchema,
        codes: ['LRC-2006'],
        act: async ({ params }) => {
          const { agentId } = memberOf(params.id)
          ledger.record({
            type: 'agent-left',
            agentId,
            how: verb === 'revoke' ? 'revoked' : 'rejected',
          })
          parts.disconnect(agentId) // at once, even while the disk is full
          conductor.revoked(agentId)
          await ledger.flush()
          return viewOf(memberOf(agentId))
        },
      }),
    ),
  ]

  /** A member by its id or its name; of several of a name the newest. */
  function memberOf(id: string): Member {
    const member =
      ledger.member(id) ?? ledger.members().findLast(({ name, left }) => name === id && left === null)
    if (member !== undefined) return member
    throw new LoricaError('LRC-2006', `no agent ${id.slice(0, 80)}`, {
      received: id.slice(0, 80),
      action: 'List them with `lorica agents list`.',
    })
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
