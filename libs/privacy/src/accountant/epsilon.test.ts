import { describe, expect, test } from 'vitest'
import { epsilonOf } from './epsilon.js'
import type { Phase } from './phase.js'

const phase = (change: Partial<Phase> = {}): Phase => ({
  ...{ noiseMultiplier: 1.3, samplingRate: 0.05, sampling: 'poisson', steps: 200, ...change },
})
const epsilon = (change: Partial<Phase>, delta = 1e-6) => epsilonOf([phase(change)], delta).epsilon

test('the smallest bound wins, and says whose it is', () => {
  expect(epsilonOf([phase()], 1e-6)).toMatchObject({ accountant: 'pld', order: null })
  expect(epsilonOf([phase({ samplingRate: 1 })], 1e-6)).toMatchObject({ accountant: 'gaussian', order: null })
  expect(epsilonOf([phase({ sampling: 'none' })], 1e-6)).toEqual(
    epsilonOf([phase({ samplingRate: 1 })], 1e-6),
  )
  const published = phase({ samplingRate: 150 / 60_000, steps: 6000 })
  expect(epsilonOf([published], 1e-5, 'rdp')).toMatchObject({ accountant: 'rdp', order: 19 })
})

test('epsilon falls with noise and delta, and grows with rate and steps', () => {
  const falls = (values: readonly number[]) =>
    values.every((value, at) => at === 0 || value < values[at - 1]!)
  expect(falls([0.7, 1, 1.6, 4].map((noiseMultiplier) => epsilon({ noiseMultiplier })))).toBe(true)
  expect(falls([1e-12, 1e-8, 1e-4, 1e-2].map((delta) => epsilon({}, delta)))).toBe(true)
  expect(falls([1, 0.6, 0.2, 0.03].map((samplingRate) => epsilon({ samplingRate })))).toBe(true)
  expect(falls([900, 400, 50, 2].map((steps) => epsilon({ steps })))).toBe(true)
})

describe('what cannot be accounted for is refused, never rated small', () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1]
  test.each(bad)('a noise multiplier of %f', (noiseMultiplier) => {
    expect(() => epsilon({ noiseMultiplier })).toThrow(/^noiseMultiplier expected a number above 0, .* got/)
  })
  test.each([...bad, 1.0001])('a sampling rate of %f', (samplingRate) => {
    expect(() => epsilon({ samplingRate })).toThrow(
      `samplingRate expected a number in (0, 1], got ${samplingRate}`,
    )
    expect(() => epsilon({ samplingRate, sampling: 'none' })).toThrow(RangeError)
  })
  test.each([...bad, 2.5, 1e10])('%f steps', (steps) => {
    expect(() => epsilon({ steps })).toThrow(/^steps expected a whole number from 1 to 1000000000, got/)
  })
  test.each([...bad, 1, 1e-200])('a delta of %f', (delta) => {
    expect(() => epsilon({}, delta)).toThrow(/^delta expected a number in \(0, 1\)/)
  })
  test('a way of sampling that is not known, no phase, and a formula for other steps', () => {
    expect(() => epsilon({ sampling: 'shuffled' as 'none' })).toThrow(
      'sampling expected "poisson" or "none", got "shuffled"',
    )
    expect(() => epsilonOf([], 1e-6)).toThrow('phases expected at least one phase, got none')
    expect(() => epsilonOf([phase()], 1e-6, 'gaussian')).toThrow(
      'accountant expected "pld" or "rdp" for steps with sampling',
    )
  })
})
