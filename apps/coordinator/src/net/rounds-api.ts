import { LoricaError } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import type { Roster } from '../fleet/roster.js'
import type { Conductor } from '../rounds/conductor.js'
import { type Live, roundSummaries, roundView } from '../rounds/round-view.js'
import type { Run } from '../rounds/run.js'

/** What became of the rounds of a run, and of each agent in them. `runOf` finds a run by its id or name. */
export function roundsApi(
  api: FastifyInstance,
  parts: {
    readonly conductor: Conductor
    readonly roster: Pick<Roster, 'find'>
    readonly runOf: (id: string) => Run
  },
): void {
  const { conductor, roster, runOf } = parts
  const liveOf = ({ runId }: Run): Live => ({
    marks: conductor.marksOf(runId),
    isConnected: (agentId) => roster.find(agentId) !== undefined,
  })
  api.get<{ Params: { id: string } }>('/api/v1/runs/:id/rounds', async ({ params }) => {
    const run = runOf(params.id)
    return { run: run.runId, rounds: roundSummaries(run, liveOf(run)) }
  })
  api.get<{ Params: { id: string; n: string } }>('/api/v1/runs/:id/rounds/:n', async ({ params }) => {
    const run = runOf(params.id)
    const round = /^\d{1,6}$/.test(params.n) ? roundView(run, Number(params.n), liveOf(run)) : undefined
    if (round !== undefined) return round
    const planned = Math.max(0, ...[...run.history, run.current].map((one) => one?.round ?? 0))
    throw new LoricaError('LRC-3013', `no round ${params.n.slice(0, 20)} of run ${run.runId}`, {
      expected: planned === 0 ? 'a run that has planned a round' : `1 to ${planned}`,
      received: params.n.slice(0, 20),
    })
  })
}
