import { expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { scoresOf } from './scores.js'

const { logProbabilities, expected: means, deviations, minK, minKPlusPlus, loss } = expected.scores
const target = { logProbabilities, expected: means, deviations }
const base = { ...target, logProbabilities: logProbabilities.map((value) => value - 0.25) }

test('each score is what numpy makes of the same logits', () => {
  const scores = scoresOf({ target, base, compressedBytes: 37 })
  expect(scores.loss).toBeCloseTo(-loss, 12)
  expect(scores.reference).toBeCloseTo(0.25, 12) // the base is surprised by a quarter of a nat more
  expect(scores.zlib).toBeCloseTo(-loss / 37, 12)
  expect(scores.minK).toBeCloseTo(minK, 12)
  expect(scores.minKPlusPlus).toBeCloseTo(minKPlusPlus, 9)
})

test('of fewer than five tokens, the one that surprises most counts', () => {
  const few = { logProbabilities: [-1, -7, -2], expected: [-3, -4, -3], deviations: [1, 2, 1] }
  const scores = scoresOf({ target: few, base: few, compressedBytes: 9 })
  expect([scores.minK, scores.minKPlusPlus]).toEqual([-7, -1.5])
})

test('a place at which only one token was possible says nothing', () => {
  const sure = { logProbabilities: [0], expected: [0], deviations: [0] }
  expect(scoresOf({ target: sure, base: sure, compressedBytes: 9 }).minKPlusPlus).toBe(0)
})

test('no tokens, other lengths and broken numbers are refused', () => {
  const none = { logProbabilities: [], expected: [], deviations: [] }
  expect(() => scoresOf({ target: none, base: none, compressedBytes: 9 })).toThrow('nothing to predict')
  const short = { ...base, deviations: deviations.slice(1) }
  expect(() => scoresOf({ target, base: short, compressedBytes: 9 })).toThrow(
    'base.deviations expected 13 values, got 12',
  )
  const broken = { ...target, expected: means.with(2, Number.NaN) }
  expect(() => scoresOf({ target: broken, base, compressedBytes: 9 })).toThrow(
    'target.expected[2] expected a finite',
  )
})
