import { expect, test } from 'vitest'
import { gaussianSteps, STEPS } from './gaussian-steps.js'

/** scipy.stats.norm.ppf(i / 20) */
const QUANTILES = [
  ...[-1.644853627, -1.281551566, -1.036433389, -0.841621234, -0.67448975, -0.524400513, -0.385320466],
  ...[-0.253347103, -0.125661347, 0, 0.125661347, 0.253347103, 0.385320466, 0.524400513, 0.67448975],
  ...[0.841621234, 1.036433389, 1.281551566, 1.644853627],
]
const CHI_SQUARE_19 = 81.55935772651448 // scipy.stats.chi2.ppf(1 - 1e-9, 19)
const KOLMOGOROV = 3.272339609957094 // scipy.stats.kstwobign.ppf(1 - 1e-9)
const COUNT = 400_000

/** A repeatable source of words: the noise of a test, and of nothing else. */
function wordsOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }
}

test('the draws have the distribution of the standard normal, in its middle and its tails', () => {
  const draws = gaussianSteps(COUNT)
    .map((steps) => steps / STEPS)
    .sort()
  const counts = new Array<number>(20).fill(0)
  for (const draw of draws) {
    const bin = QUANTILES.findIndex((edge) => draw < edge)
    counts[bin < 0 ? 19 : bin] = (counts[bin < 0 ? 19 : bin] as number) + 1
  }
  const expected = COUNT / 20
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  expect(chiSquare).toBeLessThan(CHI_SQUARE_19)
  const farthest = QUANTILES.reduce((most, edge, at) => {
    const below = draws.findIndex((draw) => draw >= edge) / COUNT
    return Math.max(most, Math.abs(below - (at + 1) / 20))
  }, 0)
  expect(farthest * Math.sqrt(COUNT)).toBeLessThan(KOLMOGOROV)
  const beyond = (edge: number) => draws.filter((draw) => Math.abs(draw) > edge).length
  expect(Math.abs(beyond(3) - COUNT * 0.0026997960632601866)).toBeLessThan(6 * Math.sqrt(COUNT * 0.0027))
  expect(Math.abs(beyond(4) - COUNT * 6.334248366623973e-5)).toBeLessThan(6 * Math.sqrt(COUNT * 6.4e-5) + 1)
})

test('the moments are those of the standard normal', () => {
  const draws = gaussianSteps(COUNT).map((steps) => steps / STEPS)
  const moment = (power: number) => draws.reduce((sum, x) => sum + x ** power, 0) / COUNT
  const within = (power: number, value: number, variance: number) =>
    expect(Math.abs(moment(power) - value)).toBeLessThan(6 * Math.sqrt(variance / COUNT))
  within(1, 0, 1)
  within(2, 1, 2)
  within(3, 0, 15)
  within(4, 3, 96)
})

test('every draw is a whole number of steps, and its lowest bits are uniform', () => {
  const draws = gaussianSteps(80_000)
  const counts = new Array<number>(16).fill(0)
  expect(draws.every(Number.isSafeInteger)).toBe(true)
  for (const draw of draws) {
    const low = ((draw % 16) + 16) % 16
    counts[low] = (counts[low] as number) + 1
  }
  const chiSquare = counts.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0)
  expect(chiSquare).toBeLessThan(72.2) // scipy.stats.chi2.ppf(1 - 1e-9, 15) = 72.27
})

test('no two calls give the same noise, and the same words do', () => {
  expect(gaussianSteps(4)).not.toEqual(gaussianSteps(4))
  expect(gaussianSteps(50, wordsOf(7))).toEqual(gaussianSteps(50, wordsOf(7)))
  expect(gaussianSteps(50, wordsOf(7))).not.toEqual(gaussianSteps(50, wordsOf(8)))
})

test('uniform numbers whose first words are equal are told apart by later ones', () => {
  const mixed = wordsOf(3)
  let drawn = 0
  const coarse = () => (drawn++ % 5 === 0 ? mixed() : (mixed() & 0x3) * 2 ** 30) // four values only: ties at every turn
  const draws = gaussianSteps(2000, coarse)
  expect(draws.every((draw) => Number.isSafeInteger(draw) && Math.abs(draw) < 12 * STEPS)).toBe(true)
})
