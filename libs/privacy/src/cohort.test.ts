import { expect, test } from 'vitest'
import { pooled } from './cohort.js'

const agents = ['graz', 'oslo', 'turin', 'vaduz'].map((agentId, at) => ({
  agentId,
  loss: 2.5 + at,
  tokens: 40,
}))
const pool = (count: number) => ({
  loss: 3.25,
  tokens: 40 * count,
  seconds: 1.5,
  perAgent: agents.slice(0, count),
})

test('of enough agents, their mean is said and nothing of any one of them', () => {
  expect(pooled(pool(3))).toEqual({ loss: 3.25, tokens: 120, seconds: 1.5, perAgent: [] })
  expect(pooled(pool(4), 4)).toEqual({ loss: 3.25, tokens: 160, seconds: 1.5, perAgent: [] })
})

test('of fewer, nothing is said, not even how many tokens they have', () => {
  const nothing = { loss: null, tokens: 0, seconds: 1.5, perAgent: [] }
  expect(pooled(pool(2))).toEqual(nothing)
  expect(pooled(pool(1))).toEqual(nothing)
  expect(pooled(pool(4), 5)).toEqual(nothing)
})

test.each([2, 0, -1, Number.NaN, 3.5, Number.POSITIVE_INFINITY])('a least of %d protects nobody', (least) => {
  expect(() => pooled(pool(4), least)).toThrow(`3 or more, got ${least}`)
})
