import type { RunView } from '@lorica/protocol'
import { change } from './format.js'

/** A run as one line of the list. */
export interface RunRow {
  readonly run: string
  readonly state: RunView['state']
  readonly reason: string | null
  readonly done: number // rounds
  readonly count: number
  readonly loss: number | null // of the newest release, or before training
  readonly gain: string | null // from before training
  readonly release: string | null
  readonly base: string
  readonly createdAt: string
  readonly seconds: number // that it took so far
}

/** The runs as lines, the newest first; those that have not ended come before the others. */
export function runRows(runs: readonly RunView[], nowMs: number): readonly RunRow[] {
  return runs
    .map((run): RunRow => {
      const loss = newestLoss(run)
      const endMs = run.endedAt === null ? nowMs : Date.parse(run.endedAt)
      return {
        run: run.run,
        state: run.state,
        reason: run.reason,
        done: run.rounds.length,
        count: run.spec.rounds.count,
        loss,
        gain: change(run.baseline?.loss, loss),
        release: run.release,
        base: run.base.name,
        createdAt: run.createdAt,
        seconds: Math.max(0, (endMs - Date.parse(run.createdAt)) / 1000),
      }
    })
    .toSorted((a, b) => rank(a) - rank(b) || (a.createdAt < b.createdAt ? 1 : -1))
}

/** The loss of what a run released last, on held-out text; before it released anything, that of the start. */
export function newestLoss({ rounds, baseline }: Pick<RunView, 'rounds' | 'baseline'>): number | null {
  const released = rounds.findLast(({ verdict, loss }) => verdict === 'released' && loss !== null)
  return released?.loss ?? baseline?.loss ?? null
}

export const isOver = (state: RunView['state']): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled'

const rank = ({ state }: RunRow): number => (isOver(state) ? 1 : 0)
