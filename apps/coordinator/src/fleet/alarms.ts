import type { Clock } from '../clock.js'

/**
 * What somebody should look at. `duplicate-identity`: one key on two machines; `secret-guessing`: wrong join or operator tokens;
 * `foreign-assignment`: an agent used what another was given; `conflicting-update`: it sent a second, different update.
 */
export type AlarmKind = 'duplicate-identity' | 'secret-guessing' | 'foreign-assignment' | 'conflicting-update'

/** An alarm as the journal has it. */
export interface Alarm {
  readonly kind: AlarmKind
  readonly subject: string // an agent id, or an address
  readonly detail: string
  readonly count: number // how often since the line before about the same
}

/** Raises alarms without filling the journal. */
export interface Alarms {
  raise(kind: AlarmKind, subject: string, detail: string): void
}

const QUIET_MS = 60_000 // between two lines about the same
const LINES_PER_HOUR = 60 // about anything
const REMEMBERED = 1000

/** `record` writes a line; what is raised in between is counted in the next one. */
export function createAlarms(record: (alarm: Alarm) => void, clock: Clock): Alarms {
  const raised = new Map<string, { readonly count: number; readonly writtenMs: number }>()
  const hour = { startMs: clock.monotonicMs(), lines: 0 }

  function mayWrite(nowMs: number): boolean {
    if (nowMs - hour.startMs >= 3_600_000) Object.assign(hour, { startMs: nowMs, lines: 0 })
    return hour.lines < LINES_PER_HOUR
  }

  return {
    raise(kind, subject, detail) {
      const nowMs = clock.monotonicMs()
      const key = `${kind} ${subject}`
      const known = raised.get(key)
      const count = (known?.count ?? 0) + 1
      const isQuiet = known !== undefined && nowMs - known.writtenMs < QUIET_MS
      const isWritten = !isQuiet && mayWrite(nowMs)
      raised.delete(key)
      raised.set(key, {
        count: isWritten ? 0 : count,
        writtenMs: isWritten ? nowMs : (known?.writtenMs ?? Number.NEGATIVE_INFINITY),
      })
      const [oldest] = raised.keys()
      if (raised.size > REMEMBERED && oldest !== undefined) raised.delete(oldest)
      if (!isWritten) return
      hour.lines++
      record({ kind, subject, detail, count })
    },
  }
}
