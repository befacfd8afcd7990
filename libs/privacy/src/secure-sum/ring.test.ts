import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addInRing, decodeFixedPoint, encodeFixedPoint } from './fixed-point.js'
import { finestRing, planRing } from './ring.js'

test('the ring is the smallest in which the sum cannot wrap', () => {
  // round(1.5 * 2^4) = 24, and 21 * 24 = 504 fits under 2^9 - 1 = 511; 22 * 24 = 528 does not
  expect(planRing({ agents: 21, bound: 1.5, fractionBits: 4 }).bits).toBe(10)
  expect(planRing({ agents: 22, bound: 1.5, fractionBits: 4 }).bits).toBe(11)
})

test('a ring of more than 32 bits is refused, and so is one that keeps nothing', () => {
  expect(planRing({ agents: 255, bound: 8, fractionBits: 20 }).bits).toBe(32) // 255 * 2^23 < 2^31
  expect(() => planRing({ agents: 256, bound: 8, fractionBits: 20 })).toThrow(
    /256 values up to 8 sum in 32 bits/,
  )
  expect(() => planRing({ agents: 3, bound: 0.001, fractionBits: 8 })).toThrow(/rounded to 0/)
  expect(() => planRing({ agents: 3, bound: Number.NaN, fractionBits: 8 })).toThrow(/bound expected/)
  expect(() => planRing({ agents: 0, bound: 1, fractionBits: 8 })).toThrow(/agents expected/)
})

test('the finest ring keeps as many places as its bits allow', () => {
  expect(finestRing({ agents: 255, bound: 8 })).toEqual({ agents: 255, bound: 8, fractionBits: 20, bits: 32 })
  expect(finestRing({ agents: 10, bound: 1 }, 16).fractionBits).toBe(11) // 10 * 2^11 = 20480, 10 * 2^12 > 32767
  expect(() => finestRing({ agents: 200, bound: 1 }, 8)).toThrow(/bits expected enough/)
})

test('values are rounded to the grid and come back', () => {
  const ring = planRing({ agents: 3, bound: 2, fractionBits: 2 }) // largest 8, 24 <= 31: 6 bits
  const encoded = encodeFixedPoint([0.25, -0.3, 1.9, -2], ring)
  expect([...encoded]).toEqual([1, 63, 8, 56])
  expect([...decodeFixedPoint(encoded, ring, 1)]).toEqual([0.25, -0.25, 2, -2])
})

test('a value that is not finite or not within the bound is refused by its index', () => {
  const ring = planRing({ agents: 3, bound: 2, fractionBits: 8 })
  expect(() => encodeFixedPoint([1, Number.NaN], ring)).toThrow(/value 1 expected a finite number/)
  expect(() => encodeFixedPoint([Number.NEGATIVE_INFINITY], ring)).toThrow(/got -Infinity/)
  expect(() => encodeFixedPoint([1, 1, 2.0001], ring)).toThrow(/value 2 expected .* from -2 to 2/)
})

test('a sum that its values cannot have is refused', () => {
  const ring = planRing({ agents: 5, bound: 2, fractionBits: 2 })
  expect(() => decodeFixedPoint(Uint32Array.of(17), ring, 2)).toThrow(/element 0 expected a sum of 2/)
  expect(() => decodeFixedPoint(Uint32Array.of(1), ring, 6)).toThrow(/count expected/)
  expect(() => decodeFixedPoint(Uint32Array.of(2 ** 7), ring, 5)).toThrow(/element 0/)
})

test('the decoded sum is the sum of the rounded values, exactly, and within half a step of each', () => {
  const bounds = fc.double({ min: 2 ** -6, max: 64, noNaN: true })
  const cohort = fc.tuple(
    fc.integer({ min: 1, max: 40 }),
    bounds,
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 24, max: 32 }),
  )
  fc.assert(
    fc.property(
      cohort,
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
      ([n, bound, extra, bits], units) => {
        const ring = finestRing({ agents: n + extra, bound }, bits)
        const rows = Array.from({ length: n }, () =>
          Float32Array.from({ length: 5 }, () => Math.fround(units.next().value * bound * (1 - 2 ** -20))),
        )
        const step = 2 ** -ring.fractionBits
        const sum = rows
          .map((row) => encodeFixedPoint(row, ring))
          .reduce((a, b) => addInRing(a, b, ring.bits))
        const decoded = decodeFixedPoint(sum, ring, n)
        for (let i = 0; i < 5; i += 1) {
          expect(decoded[i]).toBe(rows.reduce((total, row) => total + Math.round(row[i]! / step), 0) * step)
          const plain = rows.reduce((total, row) => total + row[i]!, 0)
          expect(Math.abs(decoded[i]! - plain)).toBeLessThanOrEqual((n * step) / 2 + 1e-12)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('the largest values of all agents do not wrap', () => {
  for (const sign of [1, -1])
    for (const agents of [3, 60, 255]) {
      const ring = finestRing({ agents, bound: 0.7 })
      const one = encodeFixedPoint([sign * 0.7], ring)
      const sum = Array.from({ length: agents }, () => one).reduce((a, b) => addInRing(a, b, 32))
      expect(decodeFixedPoint(sum, ring, agents)[0]! * sign).toBeCloseTo(0.7 * agents, 4)
    }
})
