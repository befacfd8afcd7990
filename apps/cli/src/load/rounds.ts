import type { RunView } from '@lorica/protocol'
import { createApi } from '../fleet/api.js'
import type { Ended } from './generator.js'
import { startGenerator, startMeasuredCoordinator } from './processes.js'

/** How fast rounds follow each other when training takes no time. */
export interface RoundsResult {
  readonly agents: number
  readonly rounds: number
  readonly updateBytes: number
  readonly perMinute: number // train, upload, check, fold, measure, sign, release
}

/** Conducts `rounds` rounds of `agents` agents that answer at once. */
export async function measureRounds(
  folder: string,
  { model, agents, rounds }: { readonly model: string; readonly agents: number; readonly rounds: number },
): Promise<RoundsResult> {
  await using coordinator = await startMeasuredCoordinator(folder)
  await using load = startGenerator()
  await load.ask({ act: 'answer-at-once' })
  await load.ask({ act: 'connect', join: coordinator.join, from: 0, count: agents })
  const ended = load.ask<Ended>({ act: 'ended' })
  const api = createApi({ url: coordinator.url, token: coordinator.adminToken })
  const { run: runId } = await api.post<RunView>('/api/v1/runs', {
    ...runOf('rounds', model, 8),
    rounds: { count: rounds, minimum: agents },
  })
  const { firstAssignmentMs, endedMs } = await ended
  const run = await api.get<RunView>(`/api/v1/runs/${runId}`)
  if (run.rounds.length !== rounds) throw new Error(`the run ended with ${run.state}: ${run.reason}`)
  return {
    agents,
    rounds,
    updateBytes: run.rounds[0]!.bytesUp / agents,
    perMinute: (60_000 * rounds) / (endedMs - firstAssignmentMs),
  }
}

/** A run on a model of the load; the rounds are added by the caller. */
export function runOf(name: string, model: string, rank: number): Record<string, unknown> {
  return {
    name,
    base: { model },
    peft: { rank, alpha: 2 * rank, targets: 'all-linear' },
    data: { maxTokens: 16 },
    local: { steps: 5, batch: 4, learningRate: 0.001 },
  }
}
