import {
  type GuardFinding,
  type GuardSpec,
  LoricaError,
  type RoundView,
  type RunView,
} from '@lorica/protocol'
import type { Api } from './api.js'
import { guardLines } from './guard-lines.js'

/** The last candidate of a run that was measured, and what its guards found. */
export interface LastCandidate {
  readonly round: number
  readonly verdict: 'released' | 'rejected' | 'waits for a person'
  readonly reason: string | null // why it was released or not, in words
  readonly guards: readonly GuardFinding[]
}

/** The candidate that waits for a person, else that of the last committed round; null before the first. */
export async function lastCandidateOf(api: Api, view: RunView): Promise<LastCandidate | null> {
  const last = view.rounds.at(-1)
  if (view.endedAt === null) {
    const open = await openRound(api, view.run, (last?.round ?? 0) + 1)
    if (open !== undefined && open.guards.length > 0)
      return { round: open.round, verdict: 'waits for a person', reason: view.reason, guards: open.guards }
  }
  return last === undefined
    ? null
    : { round: last.round, verdict: last.verdict, reason: last.reason, guards: last.guards ?? [] }
}

/** What the guards of a run are told, and what they found last. */
export function guardsOfRunLines(
  { spec }: Pick<RunView, 'spec'>,
  candidate: LastCandidate | null,
): readonly string[] {
  const { guards } = spec.evaluate
  if (guards.length === 0) return ['', 'guards: none (evaluate.guards of the run file)']
  const found = candidate === null ? [] : guardLines(candidate.guards)
  const heading =
    candidate === null
      ? ['nothing was measured by them yet']
      : [
          `the candidate of round ${candidate.round}: ${candidate.verdict}${candidate.reason === null ? '' : `; ${candidate.reason}`}`,
        ]
  return [
    '',
    'guards, which keep a candidate from being released:',
    ...guards.map((guard) => `  ${guardText(guard)}`),
    ...heading,
    ...found.slice(1).map((line) => `  ${line}`),
  ]
}

/** A guard as a run file sets it, in words. */
export function guardText({ metric, worseBy, of = 'all', confidence, mode = 'enforce' }: GuardSpec): string {
  const whom = of === 'all' ? '' : of === 'each' ? ', for each agent' : `, for each value of ${of}`
  const how = confidence === undefined ? 'by the means' : `with a confidence of ${percent(confidence)}`
  const kind = mode === 'enforce' ? '' : mode === 'off' ? '; off' : '; dry run, it decides nothing'
  return `${metric} worse by at most ${percent(worseBy)}${whom}, ${how}${kind}`
}

async function openRound(api: Api, run: string, round: number): Promise<RoundView | undefined> {
  try {
    return await api.get<RoundView>(`/api/v1/runs/${encodeURIComponent(run)}/rounds/${round}`)
  } catch (error) {
    if (error instanceof LoricaError && error.code === 'LRC-3013') return undefined
    throw error
  }
}

const percent = (share: number): string => `${Number((share * 100).toFixed(4))} %`
