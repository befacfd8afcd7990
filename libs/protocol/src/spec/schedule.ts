/**
 * When a run may open rounds: windows of a fixed length that begin at the times of a cron line.
 * @module
 */
import { Cron } from 'croner'

/** A cron line of five fields in the local time of a zone, and how long each window stays open. */
export interface Schedule {
  readonly cron: string
  readonly timeZone: string // IANA, such as Europe/Oslo
  readonly windowMs: number
}

/** Whether a window is open, and when that changes; `opensAtMs` null: never again. */
export type Opening =
  | { readonly isOpen: true; readonly closesAtMs: number }
  | { readonly isOpen: false; readonly opensAtMs: number | null }

/** Throws TypeError that says what is wrong with a cron line, or that it has no time at all. */
export function expectCron(cron: string): void {
  const fields = cron.trim().split(/\s+/)
  if (fields.length !== 5)
    throw new TypeError(`expected five fields such as "0 22 * * 1-5", got "${cron.slice(0, 60)}"`)
  let next: Date | null
  try {
    next = new Cron(cron, { mode: '5-part', timezone: 'UTC' }).nextRun(new Date(0))
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^CronPattern: /, '')
    throw new TypeError(`expected minute, hour, day, month and weekday: ${reason}`, { cause })
  }
  if (next === null) throw new TypeError(`"${cron}" names no time that ever comes`)
}

/** Throws TypeError for a name that is no time zone of this machine. */
export function expectTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw new TypeError(`expected a time zone such as Europe/Oslo, got "${timeZone.slice(0, 60)}"`)
  }
}

/**
 * The window at `nowMs` (since 1970). Where clocks are put forward over the time of a line, its window begins at the first
 * moment after the gap; where they are put back, at the first of the two. Its length is elapsed time in either case.
 */
export function openingAt({ cron, timeZone, windowMs }: Schedule, nowMs: number): Opening {
  const line = new Cron(cron, { mode: '5-part', timezone: timeZone })
  const nextSecondMs = Math.floor(nowMs / 1000) * 1000 + 1000
  const [begun] = line.previousRuns(1, new Date(nextSecondMs))
  if (begun !== undefined && nowMs < begun.getTime() + windowMs)
    return { isOpen: true, closesAtMs: begun.getTime() + windowMs }
  return { isOpen: false, opensAtMs: line.nextRun(new Date(nowMs))?.getTime() ?? null }
}

/** A moment as people of a time zone write it, such as `Mon 30 Mar 22:00 (Europe/Oslo)`. */
export function localTime(atMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'short', day: 'numeric', month: 'short' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  })
  const part = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
  const [weekday, day, month, hour, minute] = ['weekday', 'day', 'month', 'hour', 'minute'].map((type) =>
    part.get(type as Intl.DateTimeFormatPartTypes),
  )
  return `${weekday} ${day} ${month} ${hour}:${minute} (${timeZone})`
}
