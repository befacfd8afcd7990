import { LoricaError, SOFTWARE, whoamiViewSchema } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Repetition } from '../api/once.js'
import { type Route, route, serveRoutes } from '../api/route.js'
import { expectRole, neededRole, type Role } from '../fleet/operators.js'
import type { Director } from '../rollouts/director.js'
import { replayRound } from '../rounds/replay.js'
import type { Run } from '../runs/run.js'
import type { Metrics } from '../watching/metrics.js'
import { basesRoutes } from './bases-api.js'
import { type Bearers, bearerOf } from './bearer.js'
import type { Doorway } from './doorway.js'
import { type FleetParts, fleetRoutes } from './fleet-api.js'
import { type JournalRecords, journalRoutes } from './journal-api.js'
import { operatorsRoutes } from './operators-api.js'
import { privacyRoutes } from './privacy-api.js'
import { releasesRoutes } from './releases-api.js'
import { rolloutsRoutes } from './rollouts-api.js'
import { roundsRoutes } from './rounds-api.js'
import { runsRoutes } from './runs-api.js'
import { trustRoutes } from './trust-api.js'
import { watchingRoutes } from './watching-api.js'

/** What the operators' API acts on. */
export interface OperatorParts extends FleetParts {
  readonly adminToken: string
  readonly doorway: Doorway
  readonly records: JournalRecords
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
  readonly director: Director
}

/** The routes of the operators' API: agents, operators, runs, releases, blobs. */
export function operatorRoutes(parts: OperatorParts): readonly Route[] {
  const { ledger, roster, conductor, blobs } = parts
  const replay = (run: Run, round: number) => replayRound(parts, run, round)
  return [
    ...fleetRoutes(parts),
    ...operatorsRoutes(parts),
    ...basesRoutes(ledger.runs),
    ...journalRoutes(parts.records),
    route({
      path: 'GET /api/v1/whoami',
      role: 'viewer',
      summary: 'Whose token that is',
      answer: whoamiViewSchema,
      act: ({ request }) => {
        const { name, role } = bearerOf(request, parts)
        return { name, role, coordinatorId: parts.identity.id, software: SOFTWARE }
      },
    }),
    ...privacyRoutes(ledger.accounts),
    ...runsRoutes(parts, runOf),
    ...roundsRoutes({ conductor, roster, runOf, replay }),
    ...releasesRoutes(parts),
    ...trustRoutes(parts),
    ...watchingRoutes(parts.metrics),
    ...rolloutsRoutes(parts.director),
    route({
      path: 'GET /api/v1/blobs/:id',
      role: 'viewer',
      summary: 'The bytes of a file of an adapter',
      params: z.object({ id: z.string().describe('their SHA-256, 64 hexadecimal digits') }),
      answer: z
        .custom<Buffer>(Buffer.isBuffer)
        .meta({ type: 'string', contentMediaType: 'application/octet-stream' }),
      media: 'application/octet-stream',
      codes: ['LRC-3008', 'LRC-5002'],
      act: async ({ params }) => {
        if (!/^[0-9a-f]{64}$/.test(params.id))
          throw new LoricaError('LRC-3008', 'expected 64 hexadecimal digits')
        return Buffer.from(await blobs.whole(params.id))
      },
    }),
  ]

  function runOf(id: string): Run {
    const run = ledger.run(id) ?? ledger.runs().findLast(({ spec }) => spec.name === id)
    if (run !== undefined) return run
    throw new LoricaError('LRC-3004', `no run ${id.slice(0, 80)}`, { received: id.slice(0, 80) })
  }
}

/** Serves routes to holders of a token with the role that each needs. */
export function operatorApi(
  app: FastifyInstance,
  routes: readonly Route[],
  bearers: Bearers,
  repetition: Repetition,
): void {
  const names = new WeakMap<object, string>() // of those who ask
  void app.register(async (api) => {
    api.addHook('onRequest', async (request) => {
      const { method, routeOptions } = request
      const { name, role } = bearerOf(request, bearers)
      names.set(request, name)
      const { role: needed = neededRole(method, routeOptions.url ?? '') } = routeOptions.config as {
        readonly role?: Role
      }
      expectRole(role, needed)
    })
    serveRoutes(api, routes, { repetition, nameOf: (request) => names.get(request) ?? '' })
  })
}
