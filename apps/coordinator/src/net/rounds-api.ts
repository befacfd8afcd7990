import { LoricaError, type ReplayView } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import type { Roster } from '../fleet/roster.js'
import type { Conductor } from '../rounds/conductor.js'
import { type Live, roundSummaries, roundView } from '../rounds/round-view.js'
import type { Run } from '../runs/run.js'

/** What became of the rounds of a run, and of each agent in them. `runOf` finds a run by its id or name. */
export function roundsApi(
  api: FastifyInstance,
  parts: {
    readonly conductor: Conductor
    readonly roster: Pick<Roster, 'find'>
    readonly runOf: (id: string) => Run
    readonly replay: (run: Run, round: number) => Promise<ReplayView>
  },
): void {
  const { conductor, roster, runOf, replay } = parts
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
    const round = roundView(run, numberOf(params.n), liveOf(run))
    if (round !== undefined) return round
    throw unknownRound(run, params.n)
  })
  api.post<{ Params: { id: string; n: string } }>('/api/v1/runs/:id/rounds/:n/replay', async ({ params }) => {
    const run = runOf(params.id)
    if (roundView(run, numberOf(params.n), liveOf(run)) === undefined) throw unknownRound(run, params.n)
    return await replay(run, numberOf(params.n))
  })
}

const numberOf = (text: string): number => (/^\d{1,6}$/.test(text) ? Number(text) : 0)

function unknownRound(run: Run, text: string): LoricaError {
  const planned = Math.max(0, ...[...run.history, run.current].map((one) => one?.round ?? 0))
  return new LoricaError('LRC-3013', `no round ${text.slice(0, 20)} of run ${run.runId}`, {
    expected: planned === 0 ? 'a run that has planned a round' : `1 to ${planned}`,
    received: text.slice(0, 20),
  })
}
