import {
  LoricaError,
  type ReplayView,
  replayViewSchema,
  roundSummarySchema,
  roundViewSchema,
} from '@lorica/protocol'
import { z } from 'zod'
import { nextOf, nextSchema, pageOf, pageSchema } from '../api/paging.js'
import { type Route, route } from '../api/route.js'
import type { Roster } from '../fleet/roster.js'
import type { Conductor } from '../rounds/conductor.js'
import { type Live, roundSummaries, roundView } from '../rounds/round-view.js'
import type { Run } from '../runs/run.js'

const runParams = z.object({ id: z.string().describe('of the run, or its name: its newest run') })
const roundParams = runParams.extend({ n: z.string().describe('the number of the round, from 1') })

/** What became of the rounds of a run, and of each agent in them. `runOf` finds a run by its id or name. */
export function roundsRoutes({
  conductor,
  roster,
  runOf,
  replay,
}: {
  readonly conductor: Conductor
  readonly roster: Pick<Roster, 'find'>
  readonly runOf: (id: string) => Run
  readonly replay: (run: Run, round: number) => Promise<ReplayView>
}): readonly Route[] {
  const liveOf = ({ runId }: Run): Live => ({
    marks: conductor.marksOf(runId),
    isConnected: (agentId) => roster.find(agentId) !== undefined,
  })
  return [
    route({
      path: 'GET /api/v1/runs/:id/rounds',
      role: 'viewer',
      summary: 'The rounds of a run in numbers',
      params: runParams,
      query: pageSchema,
      answer: z.object({ run: z.string(), rounds: z.array(roundSummarySchema), next: nextSchema }),
      codes: ['LRC-3004'],
      act: ({ params, query }) => {
        const run = runOf(params.id)
        const page = pageOf(roundSummaries(run, liveOf(run)), ({ round }) => String(round), query)
        return { run: run.runId, rounds: page.items, ...nextOf(page) }
      },
    }),
    route({
      path: 'GET /api/v1/runs/:id/rounds/:n',
      role: 'viewer',
      summary: 'One round with every attempt, and what became of each agent',
      params: roundParams,
      answer: roundViewSchema,
      codes: ['LRC-3004', 'LRC-3013'],
      act: ({ params }) => {
        const run = runOf(params.id)
        const round = roundView(run, numberOf(params.n), liveOf(run))
        if (round !== undefined) return round
        throw unknownRound(run, params.n)
      },
    }),
    route({
      path: 'POST /api/v1/runs/:id/rounds/:n/replay',
      role: 'operator',
      summary: 'Aggregates a committed round once more, and compares',
      params: roundParams,
      answer: replayViewSchema,
      codes: ['LRC-3004', 'LRC-3013', 'LRC-3015'],
      act: async ({ params }) => {
        const run = runOf(params.id)
        if (roundView(run, numberOf(params.n), liveOf(run)) === undefined) throw unknownRound(run, params.n)
        return await replay(run, numberOf(params.n))
      },
    }),
  ]
}

const numberOf = (text: string): number => (/^\d{1,6}$/.test(text) ? Number(text) : 0)

function unknownRound(run: Run, text: string): LoricaError {
  const planned = Math.max(0, ...[...run.history, run.current].map((one) => one?.round ?? 0))
  return new LoricaError('LRC-3013', `no round ${text.slice(0, 20)} of run ${run.runId}`, {
    expected: planned === 0 ? 'a run that has planned a round' : `1 to ${planned}`,
    received: text.slice(0, 20),
  })
}
