import { expect, test } from 'vitest'
import {
  distance,
  exactMean,
  factorsOf,
  modules,
  norm,
  randomAdapter,
  randomTensor,
} from './agents.fixture.js'
import { compressed, compressedDense } from './compress.js'
import { denseSum } from './dense-sum.js'
import { measure } from './measure.js'
import type { SharedFactors } from './module-factors.js'
import { keptStack } from './module-stack.js'

const list = [5, 1, 2.5, 3].map(
  (weight, at) => [randomAdapter({ rank: at + 1, alpha: 3 }, at + 50), weight] as const,
)
const shares = list.map(([, weight]) => weight / 11.5)

async function membersOf(module: string): Promise<readonly SharedFactors[]> {
  return Promise.all(
    list.map(async ([adapter], at) => ({ ...(await factorsOf(adapter, module)), share: shares[at]! })),
  )
}

test.each(modules)(
  'a stack that is too large to keep is measured as one that is kept: %s',
  async (module) => {
    const stack = keptStack(await membersOf(module))
    const start = await factorsOf(randomAdapter({ rank: 2, alpha: 5 }, 9), module)
    const released = [await factorsOf(list[2]![0], module), await factorsOf(list[0]![0], module)]
    for (const from of [start, null]) {
      const kept = await measure({ stack, shares, start: from, released })
      const large = await measure({ stack: { ...stack, isLarge: true }, shares, start: from, released })
      expect(large.pairs).toBeNull()
      for (const key of ['exact', 'change', 'error', 'averagedError'] as const)
        expect(large[key] / kept[key], key).toBeCloseTo(1, 12)
      for (const key of ['own', 'along'] as const)
        for (const [at, value] of kept[key].entries()) expect(large[key][at], key).toBeCloseTo(value, 10)
    }
    const wanted = norm(exactMean(list, module))
    expect(Math.sqrt((await measure({ stack, shares, start: null, released })).exact)).toBeCloseTo(wanted, 10)
  },
)

test('a sum that is formed compresses to the same factors as one that is not', async () => {
  const members = await membersOf('model.v')
  const sum = await denseSum(keptStack(members))
  expect(distance(sum.data, exactMean(list, 'model.v'))).toBeLessThan(1e-14)
  for (const target of [{ rank: 3 }, { energy: 0.8 }]) {
    const options = { target, balance: 'even', scaling: 1.5 } as const
    const [one, other] = [compressed(members, options), compressedDense(sum, options)]
    expect(distance(other.factors.a.data, one.factors.a.data)).toBeLessThan(1e-12)
    expect(distance(other.factors.b.data, one.factors.b.data)).toBeLessThan(1e-12)
    expect(other.dropped).toBeCloseTo(one.dropped, 10)
  }
})

test('a core of many sides has as many leading values as an energy needs', () => {
  // diag(1, 1 / 2, 1 / 4, …) beside much that is small: sides beyond those that are factorised whole
  const side = 330
  const data = new Float64Array(side * side)
  for (let at = 0; at < side; at++) data[at * (side + 1)] = 2 ** -Math.min(at, 12)
  const options = { balance: 'b', scaling: 1 } as const
  const { factors, dropped, energy } = compressedDense(
    { rows: side, columns: side, data },
    { ...options, target: { energy: 0.999 } },
  )
  expect(factors.a.rows).toBe(5) // 4 values leave 1 / 256 of the energy, 5 leave 1 / 1024
  expect(dropped / energy).toBeCloseTo(1 / 1024, 4)
  const ranked = compressedDense({ rows: side, columns: side, data }, { ...options, target: { rank: 3 } })
  expect(ranked.factors.b.data[2 * side + 2]).toBeCloseTo(0.25, 10)
})

test('the few leading triples of a middling core are those of all of it; a core without so many gets them all', () => {
  const [rows, columns] = [70, 81]
  const { data } = randomTensor([rows, columns], 'core')
  const sum = { rows, columns, data: Float64Array.from(data) }
  const options = { balance: 'b', scaling: 2 } as const
  const few = compressedDense(sum, { ...options, target: { rank: 3 } })
  const all = compressedDense(sum, { ...options, target: { rank: 60 } })
  const leading = (values: Float64Array, width: number): Float64Array => values.slice(0, 3 * width)
  expect(distance(few.factors.a.data, leading(all.factors.a.data, columns))).toBeLessThan(1e-11)
  expect(distance(few.factors.b.data, leading(all.factors.b.data, rows))).toBeLessThan(1e-11)
  const rest = norm(all.factors.b.data.slice(3 * rows)) * 2
  expect(few.dropped).toBeCloseTo(rest ** 2 + all.dropped, 8)

  const flat = { ...sum, data: sum.data.map((_, at) => data[at % columns]! * (1 + Math.floor(at / columns))) } // of rank 1
  const { a } = compressedDense(flat, { ...options, target: { rank: 3 } }).factors
  for (let row = 0; row < 3; row++)
    expect(norm(a.data.slice(row * columns, (row + 1) * columns))).toBeCloseTo(1, 12)
})
