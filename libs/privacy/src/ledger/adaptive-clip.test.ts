import { describe, expect, test } from 'vitest'
import { type AdaptiveClip, nextClip, noisyShare, valueNoise } from './adaptive-clip.js'

const usual: AdaptiveClip = { quantile: 0.5, learningRate: 0.2, bitNoise: 5 }

describe('adaptive clipping', () => {
  test('values take more noise, so that they and the bits cost what a round says', () => {
    expect(valueNoise(1, 5)).toBeCloseTo(1.0050378, 7) // z = 1, m = 100, bitNoise m / 20
    expect(valueNoise(1, 1)).toBeCloseTo(1.1547005, 7) // m = 20
    expect(() => valueNoise(1, 0.5)).toThrow('bitNoise expected more than half')
    expect(() => valueNoise(2, Number.NaN)).toThrow('bitNoise expected')
  })

  test('the clip falls while more updates than the quantile are left as they are, and grows otherwise', () => {
    expect(nextClip(2, 0.9, usual)).toBeCloseTo(2 * Math.exp(-0.08), 12)
    expect(nextClip(2, 0.1, usual)).toBeCloseTo(2 * Math.exp(0.08), 12)
    expect(nextClip(2, 0.5, usual)).toBe(2)
  })

  test('the share is that of the cohort, off by its noise; who is missing counts as a half', () => {
    const of = (unclipped: number, clipped: number, cohort: number) =>
      noisyShare([...Array(unclipped).fill(true), ...Array(clipped).fill(false)], { bitNoise: 0.01, cohort })
    expect(of(30, 10, 40)).toBeCloseTo(0.75, 1)
    expect(of(3, 1, 40)).toBeCloseTo(0.525, 2)
  })

  test.each([0.1, 5])('from %d it comes to the quantile of the norms within 10%', (first) => {
    const cohort = 100
    const norms = lognormal(cohort, 0.5) // median 1
    let clip = first
    const last: number[] = []
    for (let round = 0; round < 200; round++) {
      const unclipped = norms(round).map((norm) => norm <= clip)
      clip = nextClip(clip, noisyShare(unclipped, { bitNoise: cohort / 20, cohort }), usual)
      if (round >= 150) last.push(clip)
    }
    const mean = last.reduce((sum, one) => sum + one, 0) / last.length
    expect(Math.abs(mean - 1)).toBeLessThan(0.1)
  })
})

/** Norms of updates, others in each round: exp of a normal number, by sines, which repeats. */
function lognormal(count: number, deviation: number): (round: number) => readonly number[] {
  const uniform = (seed: number) => {
    const x = Math.sin(seed * 12.9898 + 78.233) * 43758.5453
    return Math.min(1 - 1e-9, Math.max(1e-9, x - Math.floor(x)))
  }
  return (round) =>
    Array.from({ length: count }, (_, at) => {
      const [u, v] = [uniform(2 * (round * count + at) + 1), uniform(2 * (round * count + at) + 2)]
      return Math.exp(deviation * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v))
    })
}
