import { expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { chanceExposure, exposure, exposureVerdict, extrapolatedExposure, skewNormalOf } from './exposure.js'

const sixteen = Array.from({ length: 16 }, (_, index) => index + 1)

// The values of TensorFlow Privacy's exposures_test.py.
test.each([
  [0, 4],
  [0.1, 4],
  [20, Math.log2(16 / 17)],
  [3.5, 2],
])('a planted text with a loss of %d among 1 to 16 is exposed by %d bits', (surprise, bits) => {
  expect(exposure(surprise, sixteen)).toBeCloseTo(bits, 12)
})

test('a text that was not planted comes before a planted one of the same loss', () => {
  expect(exposure(3, sixteen)).toBe(2) // rank 4
})

test('the skew normal has the moments of the values', () => {
  const { others, shape, location, scale } = expected.exposure
  const found = skewNormalOf(others)
  expect(found.shape).toBeCloseTo(shape, 9)
  expect(found.location).toBeCloseTo(location, 12)
  expect(found.scale).toBeCloseTo(scale, 12)
})

test.each(expected.exposure.cases)(
  'beyond the tried texts, a loss of $surprise is exposed by $bits bits',
  (one) => {
    const bits = extrapolatedExposure(one.surprise, expected.exposure.others)
    expect(Math.abs(bits / one.bits - 1)).toBeLessThan(1e-6)
  },
)

test('mirrored values have the opposite skewness, and the rest of the mass', () => {
  const mirrored = expected.exposure.others.map((value) => -value)
  const above = 2 ** -extrapolatedExposure(-9.1, mirrored)
  const below = 2 ** -extrapolatedExposure(9.1, expected.exposure.others)
  expect(above + below).toBeCloseTo(1, 6)
})

test('what means nothing is refused', () => {
  expect(() => exposure(Number.NaN, [1, 2])).toThrow('surprise[0] expected a finite number, got NaN')
  expect(() => exposure(1, [2, Number.POSITIVE_INFINITY])).toThrow('others[1] expected a finite number')
  expect(() => exposure(1, [])).toThrow('got none')
  expect(() => extrapolatedExposure(1, [3, 3, 3])).toThrow('3 values or more that differ')
})

test('chance exposes by log2 e bits among many, and less among few', () => {
  expect(chanceExposure(100_000)).toBeCloseTo(Math.LOG2E, 3)
  expect(chanceExposure(2)).toBeCloseTo((1 + 0 + Math.log2(2 / 3)) / 3, 12)
})

test('two bits above chance are exposed, and so are more first places than luck gives', () => {
  const chance = chanceExposure(255)
  expect(exposureVerdict([chance + 1.9, chance + 1.9], 255)).toBe('within chance')
  expect(exposureVerdict([chance + 2.1, chance + 2.1], 255)).toBe('exposed')
  const many = (firsts: number) => Array.from({ length: 100 }, (_, at) => (at < firsts ? 8 : 0))
  // Of 100, each first with 1/256: scipy.stats.binom.sf(1, 100, 1/256) = 0.0587, of 2 or more, 0.0073 of 3 or more
  expect(exposureVerdict(many(2), 255)).toBe('within chance')
  expect(exposureVerdict(many(3), 255)).toBe('exposed')
})
