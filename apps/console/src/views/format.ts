/**
 * Numbers and times as people read them.
 * @module
 */

export function bytes(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} B`
  if (sizeBytes < 1e6) return `${(sizeBytes / 1e3).toFixed(1)} kB`
  if (sizeBytes < 1e9) return `${(sizeBytes / 1e6).toFixed(1)} MB`
  return `${(sizeBytes / 1e9).toFixed(2)} GB`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A number of things, by name: `1 round`, `3 rounds`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}

export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.max(0, seconds * 1000).toFixed(0)} ms`
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`
}

/** How long ago a moment is: `now`, `4 min ago`, `3 d ago`. */
export function ago(at: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(at)) / 1000
  if (!(seconds >= 10)) return 'now'
  if (seconds < 90) return `${Math.round(seconds)} s ago`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}

/** A moment to the second, in the zone of whoever looks. */
export function moment(at: string): string {
  const time = new Date(at)
  return Number.isNaN(time.getTime())
    ? '-'
    : time.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

export const loss = (value: number | null | undefined): string => value?.toFixed(4) ?? '-'

export function percent(value: number | null, digits = 3): string {
  return value === null ? '-' : `${Number((100 * value).toPrecision(digits))} %`
}

/** The same with all of its digits, for figures that stand beside one another: `18.0 %`. */
export function evenPercent(value: number | null, digits = 3): string {
  return value === null ? '-' : `${(100 * value).toPrecision(digits)} %`
}

/** A change as a share of where it began: `-12.3 %`; null where one of the two is not known. */
export function change(from: number | null | undefined, to: number | null | undefined): string | null {
  if (from === null || from === undefined || to === null || to === undefined || from === 0) return null
  const share = (100 * (to - from)) / from
  return `${share > 0 ? '+' : share < 0 ? '−' : ''}${Math.abs(share).toFixed(1)} %`
}

/** A hash, or an id, in groups of four that two people can read to one another. */
export function inGroups(id: string): string {
  return id.match(/.{1,4}/g)?.join(' ') ?? ''
}

/** A text with a full stop at its end, unless something else ends it. */
export const sentence = (text: string): string => (/[.!?…:]$/.test(text) ? text : `${text}.`)
