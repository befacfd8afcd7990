import { describe, expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import type { Phase } from './phase.js'
import { epsilonOfRdp, rdpCurve, rdpOrders } from './rdp.js'

const poisson = (noiseMultiplier: number, samplingRate: number, steps: number): Phase => ({
  ...{ noiseMultiplier, samplingRate, steps },
  sampling: 'poisson',
})
const epsilon = (noise: number, rate: number, steps: number, delta: number) =>
  epsilonOfRdp(rdpCurve([poisson(noise, rate, steps)]), delta)

describe('epsilons that other systems publish in their tests', () => {
  test.each([
    ['Opacus', 1.5, 0.04, 2250, 1e-5, 7.32911117143],
    ['TensorFlow Privacy', 1.3, 150 / 60_000, 6000, 1e-5, 0.7242234026],
    ['TensorFlow Privacy', 1, 0.001, 30_000, 1e-7, 1.4154988495],
    ['TensorFlow Privacy', 0.7, 1, 2, 1e-5, 10.8602036],
    ['TensorFlow Privacy', 0.7, 0.01, 120, 1e-5, 3.23919],
    ['TensorFlow Privacy', 0.35, 1, 2, 1e-5, 26.2880374],
    ['TensorFlow Privacy', 1, 0.0064, 782, 1e-6, 1.61639],
    ['TensorFlow Privacy', 1, 1, 5, 1e-6, 13.37638],
    ['dp_accounting', 4.530877117, 1, 1, 1e-6, 1],
    ['dp_accounting', 5, 1, 50, 1e-3, 5.42001824],
    ['closed integral', 1, 0.1, 100, 1e-5, 7.89926],
    ['dp_accounting', 1, 0.01, 1000, 1e-6, 2.4366938],
  ])('%s: noise %f, rate %f, %i steps, delta %f', (_, noise, rate, steps, delta, reference) => {
    expect(Math.abs(epsilon(noise, rate, steps, delta).epsilon - reference)).toBeLessThan(1e-5)
  })
})

test('the order of the smallest epsilon is told', () => {
  expect(epsilon(1.3, 150 / 60_000, 6000, 1e-5).order).toBe(19)
  expect(epsilon(1, 0.001, 30_000, 1e-7).order).toBe(13)
})

test.each(expected.cases)('dp_accounting: $phases.0 at $delta', ({ phases, delta, rdp, order }) => {
  const ours = epsilonOfRdp(rdpCurve(phases), delta)
  expect(ours.epsilon).toBeLessThan(rdp + 1e-6)
  if (Number.isInteger(order) && ours.order === order) expect(ours.epsilon).toBeCloseTo(rdp, 6)
  else expect(ours.epsilon).toBeGreaterThan(rdp * 0.98) // it sums absolute terms at a fractional order, which is above the integral
})

test('divergences at whole and fractional orders', () => {
  const { values } = rdpCurve([poisson(2.5, 0.01, 50)], [2.5, 5, 50, 100])
  const reference = [1.0854871e-3, 2.18075656e-3, 2.38460375e-2, 167.416308]
  expect(values).toEqual(reference.map((value) => expect.closeTo(value, 5)))
  expect(rdpCurve([poisson(2.5, 0.01, 50)], [1.5]).values[0]! / 6.50071e-4).toBeCloseTo(1, 5)
})

test('a fractional order lies between its neighbours, also where noise is too small to integrate', () => {
  for (const noise of [0.002, 0.02, 0.2, 2]) {
    const { values } = rdpCurve([poisson(noise, 0.03, 1)], [2, 2.4, 2.8, 3])
    expect(values).toEqual(values.toSorted((a, b) => a - b))
  }
})

test('a constant divergence, as of pure differential privacy', () => {
  const orders = Array.from({ length: 31 }, (_, i) => i + 2)
  const { epsilon, order } = epsilonOfRdp({ orders, values: orders.map(() => 1.1) }, 1e-5)
  expect(epsilon).toBeCloseTo(1.32783806176, 9)
  expect(order).toBe(32)
})

test('divergences that grow with the order: a tree of noise, and zero-concentrated privacy', () => {
  const linear = (rate: number, delta: number) =>
    epsilonOfRdp({ orders: rdpOrders, values: rdpOrders.map((order) => order * rate) }, delta).epsilon
  expect(linear(11 / (2 * 1.13 ** 2), 1e-6)).toBeCloseTo(18.7096, 3)
  expect(linear(11 / (2 * 8.83 ** 2), 1e-6)).toBeCloseTo(1.77319, 4)
  expect(linear(0.81, 1e-10)).toBeCloseTo(8.92226, 4)
})

test('curves of phases add up, in any order', () => {
  const [a, b] = [poisson(1.1, 0.02, 30), poisson(4, 1, 2)]
  const [one, two] = [rdpCurve([a]).values, rdpCurve([b]).values]
  expect(rdpCurve([b, a]).values).toEqual(one.map((value, at) => expect.closeTo(value + two[at]!, 9)))
})

test('the orders are pinned', () => {
  expect(rdpOrders).toHaveLength(156)
  expect(rdpOrders.slice(0, 3)).toEqual([1.1, 1.2, 1.3])
  expect(rdpOrders.slice(97, 101)).toEqual([10.8, 10.9, 11, 12])
  expect(rdpOrders.slice(-5)).toEqual([63, 128, 256, 512, 1024])
})

test('a curve that cannot be is refused', () => {
  expect(() => epsilonOfRdp({ orders: [2, 3], values: [1] }, 1e-5)).toThrow(
    'as many values as orders, got 1 for 2',
  )
  expect(() => epsilonOfRdp({ orders: [2], values: [Number.NaN] }, 1e-5)).toThrow(
    'RDP of order 2 expected at least 0, got NaN',
  )
  expect(() => epsilonOfRdp({ orders: [1.001], values: [2] }, 1e-5)).toThrow(
    'a finite value at an order above 1.01',
  )
})
