import { expect, test } from 'vitest'
import { ago, bytes, change, duration, evenPercent, inGroups, percent } from './format.js'

test.each([
  [0.0421, '42 ms'],
  [7.25, '7.3 s'],
  [59.7, '1 min 0 s'],
  [125, '2 min 5 s'],
  [7384, '2 h 3 min'],
  [200_000, '2 d 7 h'],
])('%f seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test.each([
  [3, 'now'],
  [42, '42 s ago'],
  [150, '3 min ago'],
  [7300, '2 h ago'],
  [300_000, '3 d ago'],
])('what was %d seconds before is %s', (seconds, text) => {
  const nowMs = Date.parse('2026-05-06T07:08:09.000Z')
  expect(ago(new Date(nowMs - seconds * 1000).toISOString(), nowMs)).toBe(text)
})

test('sizes, shares and changes are short', () => {
  expect([812, 4096, 7.9e6, 25.28e9].map(bytes)).toEqual(['812 B', '4.1 kB', '7.9 MB', '25.28 GB'])
  expect([percent(0.04327), percent(0.5), percent(null)]).toEqual(['4.33 %', '50 %', '-'])
  expect([evenPercent(0.18), evenPercent(0.0111), evenPercent(null)]).toEqual(['18.0 %', '1.11 %', '-'])
  expect([change(4, 3), change(2, 2.5), change(null, 2), change(0, 2)]).toEqual([
    '−25.0 %',
    '+25.0 %',
    null,
    null,
  ])
  expect(inGroups('7b6a63eb00')).toBe('7b6a 63eb 00')
})
