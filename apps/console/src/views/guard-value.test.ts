import { expect, test } from 'vitest'
import { guardValue } from './guard-value.js'

test('a value of a metric has its unit', () => {
  expect([
    guardValue('memory', -3_500_000),
    guardValue('latency', 12.3456),
    guardValue('words', 0.125),
    guardValue('loss', 2.34567),
    guardValue('loss', null),
  ]).toEqual(['-3.5 MB', '12.3 ms', '12.5 %', '2.3457', '-'])
})
