import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeFixedPoint } from './fixed-point.js'
import { elementsIn, flattened, unflattened } from './flat-vector.js'
import { steppedRing } from './ring.js'
import { encodeStochastic } from './stochastic-rounding.js'

const seedOf = (name: string) => Uint8Array.from(createHash('sha256').update(name).digest())
const ring = { agents: 3, bound: 2, fractionBits: 2, bits: 8 }

test('values are rounded up as often as they are near the upper step, so that their mean is the value', () => {
  for (const value of [0.3, -0.3, 1.9, 0.06, -1.99]) {
    const values = new Float64Array(40_000).fill(value)
    const decoded = decodeFixedPoint(encodeStochastic(values, ring, seedOf(`at ${value}`)), ring, 1)
    const steps = new Set(decoded)
    expect([...steps].every((step) => Math.abs(step - value) < 0.25)).toBe(true)
    expect(steps.size).toBe(2)
    const mean = decoded.reduce((sum, x) => sum + x, 0) / decoded.length
    expect(Math.abs(mean - value)).toBeLessThan((4.5 * 0.125) / Math.sqrt(40_000))
  }
})

test('values on the grid stay as they are, at the bound too, and another seed draws otherwise', () => {
  const values = [2, -2, 0.75, -0.25, 0]
  const encoded = encodeStochastic(values, ring, seedOf('a'))
  expect([...encoded]).toEqual([8, 248, 3, 255, 0])
  const between = new Float64Array(200).fill(0.4)
  expect(encodeStochastic(between, ring, seedOf('a'))).not.toEqual(
    encodeStochastic(between, ring, seedOf('b')),
  )
})

test('what does not fit the ring is refused by its index', () => {
  expect(() => encodeStochastic([0.5, 2.3], ring, seedOf('a'))).toThrow('value 1 expected')
  expect(() => encodeStochastic([0, Number.NaN], ring, seedOf('a'))).toThrow('value 1 expected')
  expect(() => encodeStochastic([2.01], ring, seedOf('a'))).toThrow('value 0 expected')
})

test('a ring in steps has room for every rounding of every agent', () => {
  for (const [agents, bound, bits] of [
    [3, 0.3, 32],
    [50, 1, 32],
    [7, 0.1, 12],
    [3, 1 / 3, 8],
  ] as const) {
    const stepped = steppedRing({ agents, bound }, bits)
    const largest = stepped.bound * 2 ** stepped.fractionBits
    expect(Number.isInteger(largest)).toBe(true)
    expect(stepped.bound).toBeGreaterThanOrEqual(bound)
    expect(agents * largest).toBeLessThan(2 ** (bits - 1))
    expect(agents * (bound * 2 ** (stepped.fractionBits + 2))).toBeGreaterThan(2 ** (bits - 1) - 1)
    const values = new Float64Array(500).fill(bound)
    const encoded = encodeStochastic(values, stepped, seedOf('full'))
    expect(encoded.every((element) => element <= largest)).toBe(true)
  }
})

test('tensors lie in the vector by name, and come back from it', () => {
  const tensor = (...data: number[]) => ({ shape: [1, data.length], data: Float32Array.from(data) })
  const tensors = new Map([
    ['m.lora_B', tensor(5, 7)],
    ['m.lora_A', tensor(-1.5, 2, 4)],
  ])
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  expect([...flattened(tensors)]).toEqual([-1.5, 2, 4, 5, 7])
  expect(elementsIn(shapes)).toBe(5)
  const back = unflattened([-3, 4, 8, 10, 14], shapes, 0.5)
  expect([...back].map(([name, { data }]) => [name, ...data])).toEqual([
    ['m.lora_A', -1.5, 2, 4],
    ['m.lora_B', 5, 7],
  ])
  expect(() => unflattened([1, 2], shapes)).toThrow('vector expected 5 values, got 2')
})
