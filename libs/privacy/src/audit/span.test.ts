import { expect, test } from 'vitest'
import { directionsIn, outside, rowsOutside, spanOf } from './span.js'

let state = 99
function uniform(): number {
  state = (state * 48271) % 2147483647
  return state / 2147483647 - 0.5
}
const vector = (size: number) => Array.from({ length: size }, uniform)

/** sum_t dy_t (A x_t)^T in 32 bits, for some A x_t of 8 values and random dy_t of 40. */
function gradientOf(states: readonly (readonly number[])[]): Float32Array {
  const outputs = states.map(() => vector(40))
  return Float32Array.from({ length: 40 * 8 }, (_, at) =>
    states.reduce(
      (sum, x, t) => sum + (outputs[t]?.[Math.floor(at / 8)] as number) * (x[at % 8] as number),
      0,
    ),
  )
}

test('the directions are those of a matrix whose eigenvalues are known', () => {
  // Rows (3, 1), (1, 3), (-2, 2): the squares are [[14, 2], [2, 14]] with eigenvalues 16 along (1, 1) and 12 along (1, -1).
  const { directions, shares } = spanOf({ data: [3, 1, 1, 3, -2, 2], rank: 2 })
  expect(shares[0]).toBeCloseTo(16 / 28, 12)
  expect(shares[1]).toBeCloseTo(12 / 28, 12)
  expect(Math.abs((directions[0]?.[0] as number) + (directions[0]?.[1] as number))).toBeCloseTo(
    Math.SQRT2,
    12,
  )
})

test('what was in the text lies in the span, and what was not does not', () => {
  const states = [vector(8), vector(8), vector(8), vector(8), vector(8)]
  const span = spanOf({ data: gradientOf(states), rank: 8 })
  expect(directionsIn(span)).toBe(5)
  for (const x of states) expect(outside(x, span, 5)).toBeLessThan(1e-9)
  for (let tries = 0; tries < 50; tries++) expect(outside(vector(8), span, 5)).toBeGreaterThan(1e-4)
  expect(rowsOutside({ data: gradientOf(states.slice(2)), rank: 8 }, span, 5)).toBeLessThan(1e-9)
  expect(
    rowsOutside({ data: gradientOf([states[0] as number[], vector(8)]), rank: 8 }, span, 5),
  ).toBeGreaterThan(1e-4)
})

test('the sum of two short updates still shows what was in either', () => {
  const [one, two] = [
    [vector(8), vector(8), vector(8)],
    [vector(8), vector(8)],
  ]
  const [first, second] = [gradientOf(one), gradientOf(two)]
  const span = spanOf({ data: first.map((value, at) => value + (second[at] as number)), rank: 8 })
  for (const x of [...one, ...two]) expect(outside(x, span, directionsIn(span))).toBeLessThan(1e-9)
})

test('as many states as the rank span everything', () => {
  const span = spanOf({ data: gradientOf(Array.from({ length: 9 }, () => vector(8))), rank: 8 })
  expect(directionsIn(span)).toBe(8)
  expect(outside(vector(8), span, 8)).toBeLessThan(1e-9)
})

test('broken numbers and rows that do not divide are refused, and nothing lies in nothing', () => {
  expect(() => spanOf({ data: [1, Number.NaN], rank: 2 })).toThrow('gradient[1] expected a finite number')
  expect(() => spanOf({ data: [1, 2, 3], rank: 2 })).toThrow('rows of 2 values, got 3')
  expect(outside([1, 2], spanOf({ data: [0, 0], rank: 2 }), 0)).toBe(1)
})
