import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { epsilonOf } from '../accountant/epsilon.js'
import { noiseFor } from '../accountant/noise.js'
import { addInRing, decodeFixedPoint } from './fixed-point.js'
import { encodeWithNoise } from './noisy-encoding.js'
import { LEAST_STEPS, noiseFault, noiseShare, noisyRing, REACH, SHARED_NOISE_APART } from './shared-noise.js'

interface Case {
  readonly honest: number
  readonly noiseSteps: number
  readonly steps: number
  readonly noiseMultiplier: number
  readonly delta: number
  readonly exact: number
}

/** What numpy and scipy compute of the sums themselves: shared-noise.expected.py. */
const expected = JSON.parse(readFileSync(new URL('shared-noise.expected.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[]
  readonly apart: readonly { readonly honest: number; readonly noiseSteps: number; readonly apart: number }[]
  readonly sampled: {
    readonly x: number
    readonly noiseSteps: number
    readonly bins: readonly number[]
    readonly chances: readonly number[]
  }
}
const plain = { samplingRate: 1, sampling: 'none' } as const

describe('the promise of shared noise', () => {
  test('is never less than what the sum of rounded values gives away, and nearly that', () => {
    for (const { noiseMultiplier, steps, delta, exact } of expected.cases) {
      const phase = { ...plain, noiseMultiplier, steps, apart: SHARED_NOISE_APART }
      const { epsilon, accountant } = epsilonOf([phase], delta)
      expect(accountant).toBe('gaussian')
      expect(epsilon).toBeGreaterThanOrEqual(exact)
      expect(epsilon).toBeLessThan(exact * 1.004)
    }
  })

  test('rests on a distance that the stated bound is above of, where it can be seen at all', () => {
    for (const { honest, noiseSteps, apart } of expected.apart)
      expect(apart).toBeLessThan(5 * honest ** 2 * Math.exp(-((Math.PI * noiseSteps) ** 2)))
    expect(5 * 256 ** 2 * Math.exp(-((Math.PI * LEAST_STEPS) ** 2))).toBeLessThan(1e-260)
  })

  test('pays for what is not Gaussian, and promises nothing where that is too much', () => {
    const phase = { ...plain, noiseMultiplier: 2, steps: 3 }
    const gaussian = epsilonOf([phase], 1e-5).epsilon
    const near = epsilonOf([{ ...phase, apart: 1e-9 }], 1e-5).epsilon
    expect(near).toBeCloseTo(epsilonOf([phase], 1e-5 - (1 + Math.exp(near)) * 3e-9).epsilon, 9)
    expect(near).toBeGreaterThan(gaussian)
    expect(epsilonOf([{ ...phase, apart: 1e-6 }], 1e-5).epsilon).toBe(Number.POSITIVE_INFINITY)
    const { noiseMultiplier } = noiseFor(4, 1e-5, [{ ...plain, steps: 10, apart: 1e-9 }])
    expect(epsilonOf([{ ...plain, steps: 10, noiseMultiplier, apart: 1e-9 }], 1e-5).epsilon).toBeCloseTo(4, 6)
    expect(() => noiseFor(8, 1e-5, [{ ...plain, steps: 10, apart: 1e-8 }])).toThrow('nearly Gaussian')
  })
})

describe('encodeWithNoise', () => {
  const { x, noiseSteps, bins, chances } = expected.sampled
  const ring = { agents: 3, bound: 300, fractionBits: 0, bits: 12 }

  test('gives a value its noise and rounds it, with the chances of the normal distribution', () => {
    const count = 60_000
    const counts = new Array<number>(chances.length).fill(0)
    const wide = { agents: 1, bound: 1100, fractionBits: 0, bits: 12 }
    const many = new Float64Array(count).fill(x)
    for (const element of encodeWithNoise(many, wide, { deviation: noiseSteps, clip: 900 })) {
      const integer = element >= 2048 ? element - 4096 : element
      const bin = bins.findIndex((edge) => integer < edge)
      counts[bin < 0 ? bins.length : bin]! += 1
    }
    const chiSquare = counts.reduce(
      (sum, seen, at) => sum + (seen - count * chances[at]!) ** 2 / (count * chances[at]!),
      0,
    )
    expect(chiSquare).toBeLessThan(72.27) // scipy.stats.chi2.ppf(1 - 1e-9, 15)
  })

  test('the sum of the agents has the noise of all of them around the sum of their values', () => {
    const [agents, values] = [7, 30_000]
    const share = noiseShare(0.35, 4)
    const wide = noisyRing({ agents, bound: 1.5 }, share)
    const update = new Float32Array(values).fill(1.5 / Math.sqrt(values))
    let sum = new Uint32Array(values)
    for (let agent = 0; agent < agents; agent++)
      sum = new Uint32Array(addInRing(sum, encodeWithNoise(update, wide, { ...share, clip: 1.5 }), wide.bits))
    const noise = decodeFixedPoint(sum, wide, agents).map((value) => value - agents * update[0]!)
    const variance = noise.reduce((total, one) => total + one ** 2, 0) / values
    expect(Math.abs(variance / (0.35 ** 2 * (7 / 4)) - 1)).toBeLessThan(6 * Math.sqrt(2 / values))
    const mean = noise.reduce((total, one) => total + one, 0) / values
    expect(Math.abs(mean)).toBeLessThan(6 * Math.sqrt(variance / values))
  })

  test('what lies beyond the room of the ring is cut off, never wrapped', () => {
    const tight = { agents: 3, bound: 14 * 8 + 1, fractionBits: 0, bits: 12 }
    const high = 0xffffffff
    const twenty = [...Array(9).fill(high), 0xc0000000, 16, ...Array(21).fill(high)] // deviations
    for (const [sign, element] of [
      [0, 113],
      [high, 4096 - 113],
    ] as const) {
      const words = [...twenty, sign][Symbol.iterator]()
      const drawn = encodeWithNoise([0.5], tight, { deviation: 8, clip: 1 }, () => words.next().value)
      expect([...drawn]).toEqual([element])
    }
  })

  test('NaN, infinity, a norm above the clip and a ring without room are refused', () => {
    const noise = { deviation: 8, clip: 4 }
    expect(() => encodeWithNoise([Number.NaN], ring, noise)).toThrow('norm of at most 4, got NaN')
    expect(() => encodeWithNoise([Number.POSITIVE_INFINITY], ring, noise)).toThrow('got Infinity')
    expect(() => encodeWithNoise([3, 3], ring, noise)).toThrow('norm of at most 4, got 4.24')
    expect(() => encodeWithNoise([1], ring, { ...noise, clip: 250 })).toThrow('room for 362')
    expect(() => encodeWithNoise([1], ring, { ...noise, deviation: 7.9 })).toThrow('8 steps')
    expect(() => encodeWithNoise([1], ring, { ...noise, deviation: Number.NaN })).toThrow('8 steps')
  })
})

describe('a ring for shared noise', () => {
  test('has room for the clip and 14 deviations of every agent, and noise of 8 steps or more', () => {
    for (const [agents, bound, deviation, bits] of [
      ...[
        [3, 0.3, 0.2, 32],
        [50, 1, 0.01, 32],
        [200, 1.5, 3, 32],
        [256, 1e-6, 1e-7, 32],
        [10, 1, 0.5, 16],
      ],
    ] as const) {
      const ring = noisyRing({ agents, bound }, { deviation }, bits)
      const [scale, most] = [2 ** ring.fractionBits, ring.bound * 2 ** ring.fractionBits]
      expect(Number.isInteger(most)).toBe(true)
      expect(agents * most).toBeLessThan(2 ** (bits - 1))
      expect(ring.bound).toBeGreaterThan(bound + REACH * deviation)
      expect(deviation * scale).toBeGreaterThanOrEqual(8)
      expect(deviation * scale).toBeLessThanOrEqual(2 ** 16)
      expect(noiseFault({ deviation, honest: 2 }, { ring, elements: 1e6 })).toBeUndefined()
    }
  })

  test('too few bits for the noise, and terms that do not protect, are refused', () => {
    expect(() => noisyRing({ agents: 100, bound: 1 }, { deviation: 0.1 }, 8)).toThrow('bits expected')
    expect(() => noiseShare(1, 0)).toThrow('honest expected')
    expect(() => noiseShare(0, 3)).toThrow('deviation expected')
    const ring = noisyRing({ agents: 10, bound: 1 }, { deviation: 0.1 })
    const sum = { ring, elements: 100 }
    expect(noiseFault({ deviation: 1e-9, honest: 4 }, sum)).toContain('8 to 65536 steps')
    expect(noiseFault({ deviation: Number.NaN, honest: 4 }, sum)).toContain('8 to 65536 steps')
    expect(noiseFault({ deviation: 0.1, honest: 11 }, sum)).toContain('honest agents, got 11')
    expect(
      noiseFault({ deviation: 0.1, honest: 4 }, { ring: { ...ring, bound: 1.2 }, elements: 9 }),
    ).toContain('room')
    expect(noiseFault({ deviation: 0.1, honest: 4 }, { ring, elements: 2e14 })).toContain('of all agents')
  })

  test('each agent adds its part, so that the honest ones together add all of it', () => {
    expect(noiseShare(2, 4).deviation).toBeCloseTo(1, 5)
    expect(noiseShare(2, 4).deviation * 2).toBeGreaterThan(2)
  })
})
