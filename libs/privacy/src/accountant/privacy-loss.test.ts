import { describe, expect, test } from 'vitest'
import { normalCdf } from './normal.js'
import { type Direction, type LossGrid, lossAt, lossGrid } from './privacy-loss.js'

const WIDTH = 0.05
const sigma = 0.8
const q = 0.3
const grids = (direction: Direction) => lossGrid({ sigma, q, direction }, WIDTH, 9)

/** delta at epsilon as the grid has it. */
function gridDelta({ width, first, mass, infinite }: LossGrid, epsilon: number): number {
  let sum = infinite
  for (let i = 0; i < mass.length; i++)
    sum += Math.max(0, -Math.expm1(epsilon - (first + i) * width)) * mass[i]!
  return sum
}

const near = (x: number) => normalCdf(x / sigma)
const mixed = (x: number) => (1 - q) * near(x) + q * normalCdf((x - 1) / sigma)
/** The noise at which mixed / near is `ratio`. */
const noiseOf = (ratio: number) => sigma ** 2 * Math.log((ratio - 1 + q) / q) + 0.5

/** delta at epsilon in closed form. */
const exactDelta: Readonly<Record<Direction, (epsilon: number) => number>> = {
  remove(epsilon) {
    const x = noiseOf(Math.exp(epsilon))
    return 1 - mixed(x) - Math.exp(epsilon) * (1 - near(x))
  },
  add(epsilon) {
    const x = noiseOf(Math.exp(-epsilon))
    return Number.isNaN(x) ? 0 : near(x) - Math.exp(epsilon) * mixed(x)
  },
}

describe.each(['remove', 'add'] as const)('when a record is %sd', (direction) => {
  test('the masses add up to 1', () => {
    const { mass, infinite } = grids(direction)
    expect(mass.reduce((sum, one) => sum + one, infinite)).toBeCloseTo(1, 13)
    expect(Math.min(...mass)).toBeGreaterThanOrEqual(0)
  })

  test('delta is exact at the points of the grid, and above the truth between them', () => {
    const grid = grids(direction)
    for (const index of [-4, -1, 0, 3, 6, 7]) {
      const at = index * WIDTH
      expect(gridDelta(grid, at)).toBeCloseTo(exactDelta[direction](at), 12)
      const between = gridDelta(grid, at + WIDTH / 2) - exactDelta[direction](at + WIDTH / 2)
      expect(between).toBeGreaterThanOrEqual(-1e-15)
      expect(between).toBeLessThan(WIDTH ** 2)
    }
  })

  test('nothing lies below the lowest loss, nor above the highest', () => {
    const { first, mass, infinite } = grids(direction)
    if (direction === 'remove') expect(first).toBe(Math.floor(Math.log(1 - q) / WIDTH))
    else expect([first + mass.length - 1, infinite]).toEqual([Math.ceil(-Math.log(1 - q) / WIDTH), 0])
  })
})

test('the loss is the logarithm of the ratio of densities, and its negative the other way', () => {
  // at x = 1.5: log(0.7 + 0.3 exp((3 - 1) / (2 * 0.64))) = log(0.7 + 0.3 * 4.770733)
  expect(lossAt({ sigma, q, direction: 'remove' }, 1.5)).toBeCloseTo(Math.log(2.1312199), 7)
  expect(lossAt({ sigma, q, direction: 'add' }, 1.5)).toBeCloseTo(-Math.log(2.1312199), 7)
  expect(lossAt({ sigma: 0.02, q, direction: 'remove' }, 1.5)).toBeCloseTo(2500 + Math.log(0.3), 9)
})
