import { localTime, openingAt } from '@lorica/protocol'
import type { Run } from './run.js'

/** Why a run opens no round now, and until when at the most; null: until somebody changes that. */
export interface Hold {
  readonly reason: string
  readonly untilMs: number | null
}

/** What holds a run back from its next round: an operator who paused it, or its schedule. Undefined when nothing does. */
export function holdOf(run: Pick<Run, 'runId' | 'isPaused' | 'spec'>, nowMs: number): Hold | undefined {
  if (run.isPaused) return { reason: `paused by an operator: lorica run resume ${run.runId}`, untilMs: null }
  const { schedule } = run.spec
  if (schedule === null) return undefined
  const opening = openingAt(schedule, nowMs)
  if (opening.isOpen) return undefined
  const { opensAtMs } = opening
  if (opensAtMs === null)
    return { reason: `its schedule "${schedule.cron}" never opens again`, untilMs: null }
  return { reason: `waits for ${localTime(opensAtMs, schedule.timeZone)}`, untilMs: opensAtMs }
}
