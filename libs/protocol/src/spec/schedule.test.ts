import { describe, expect, test } from 'vitest'
import { expectCron, expectTimeZone, localTime, openingAt } from './schedule.js'

const HOUR_MS = 3600_000
const at = (iso: string) => Date.parse(iso)
const nights = { cron: '0 22 * * *', timeZone: 'Europe/Oslo', windowMs: 8 * HOUR_MS }
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
const opens = (schedule: typeof nights, now: string) => {
  const opening = openingAt(schedule, at(now))
  return opening.isOpen ? `open until ${iso(opening.closesAtMs)}` : `opens ${iso(opening.opensAtMs)}`
}

describe('openingAt', () => {
  // Oslo is at UTC+1, and at UTC+2 from 2026-03-29 01:00Z to 2026-10-25 01:00Z.
  test.each([
    ['2026-03-27T20:59:59.999Z', 'opens 2026-03-27T21:00:00.000Z'],
    ['2026-03-27T21:00:00Z', 'open until 2026-03-28T05:00:00.000Z'],
    ['2026-03-28T04:59:59.999Z', 'open until 2026-03-28T05:00:00.000Z'],
    ['2026-03-28T05:00:00Z', 'opens 2026-03-28T21:00:00.000Z'],
    ['2026-03-29T02:00:00Z', 'open until 2026-03-29T05:00:00.000Z'], // the night that loses an hour still lasts 8 h
    ['2026-03-29T05:00:00Z', 'opens 2026-03-29T20:00:00.000Z'], // 22:00 came an hour earlier
    ['2026-10-24T20:00:00.500Z', 'open until 2026-10-25T04:00:00.000Z'],
    ['2026-10-25T04:00:00Z', 'opens 2026-10-25T21:00:00.000Z'],
  ])('a night of eight hours at %s: %s', (now, expected) => {
    expect(opens(nights, now)).toBe(expected)
  })

  test('a time that the clocks skip begins right after the gap, one that comes twice at the first', () => {
    const early = { ...nights, cron: '30 2 * * *', windowMs: HOUR_MS / 2 }
    expect(opens(early, '2026-03-28T12:00:00Z')).toBe('opens 2026-03-29T01:00:00.000Z')
    expect(opens(early, '2026-03-29T01:10:00Z')).toBe('open until 2026-03-29T01:30:00.000Z')
    expect(opens(early, '2026-10-24T12:00:00Z')).toBe('opens 2026-10-25T00:30:00.000Z')
    expect(opens(early, '2026-10-25T01:45:00Z')).toBe('opens 2026-10-26T01:30:00.000Z')
  })

  test('weekdays are those of the zone', () => {
    const weekdays = { cron: '0 1 * * 1-5', timeZone: 'Asia/Tokyo', windowMs: HOUR_MS }
    expect(opens(weekdays, '2026-11-27T00:00:00Z')).toBe('opens 2026-11-29T16:00:00.000Z') // Monday 01:00 in Tokyo
  })

  test('windows longer than the time between them run into each other', () => {
    const always = { cron: '0 */6 * * *', timeZone: 'UTC', windowMs: 7 * HOUR_MS }
    expect(opens(always, '2026-01-02T06:30:00Z')).toBe('open until 2026-01-02T13:00:00.000Z')
  })
})

test('a line that is none, or that names no time, is refused', () => {
  expect(() => expectCron('0 22 * * 1-5')).not.toThrow()
  expect(() => expectCron('0 22 * *')).toThrow('expected five fields such as "0 22 * * 1-5", got "0 22 * *"')
  expect(() => expectCron('61 22 * * *')).toThrow(
    'expected minute, hour, day, month and weekday: Invalid value',
  )
  expect(() => expectCron('0 0 31 2 *')).toThrow('"0 0 31 2 *" names no time that ever comes')
  expect(() => expectTimeZone('Europe/Oslo')).not.toThrow()
  expect(() => expectTimeZone('Mars/Base')).toThrow(
    'expected a time zone such as Europe/Oslo, got "Mars/Base"',
  )
})

test('a moment is written in the time of its zone', () => {
  expect(localTime(at('2026-03-30T20:00:00Z'), 'Europe/Oslo')).toBe('Mon 30 Mar 22:00 (Europe/Oslo)')
  expect(localTime(at('2026-01-31T23:05:00Z'), 'Asia/Tokyo')).toBe('Sun 1 Feb 08:05 (Asia/Tokyo)')
})
