import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import { rowOf, rowsTimesRows } from '../linear-algebra/matrix.js'
import { leadingSvd } from '../linear-algebra/svd.js'
import {
  type AgentSpec,
  aggregate,
  changeOf,
  contributed,
  distance,
  exactMean,
  factorsOf,
  keyOf,
  modules,
  norm,
  randomAdapter,
  sides,
  withTensors,
} from './agents.fixture.js'

const mixed: readonly (readonly [AgentSpec, number])[] = [
  [{ rank: 2, alpha: 3 }, 5],
  [{ rank: 5, alpha: 4, rslora: true, rankPattern: { v: 1 } }, 1],
  [{ rank: 3, alpha: 9 }, 2.5],
  [{ rank: 1, alpha: 0.5 }, 11],
]
const alike: readonly (readonly [AgentSpec, number])[] = [7, 1, 2].map((weight) => [
  { rank: 3, alpha: 5 },
  weight,
])

function agentsOf(specs: readonly (readonly [AgentSpec, number])[]): readonly (readonly [Adapter, number])[] {
  return specs.map(([spec, weight], at) => [randomAdapter(spec, at + 1), weight])
}

const fold = (list: readonly (readonly [Adapter, number])[]) =>
  list.map(([adapter, weight], at) => contributed(`k${at}`, weight, adapter))

describe('stacking', () => {
  test('is the exact sum of adapters of any ranks, alphas and scalings, in any order', async () => {
    const list = agentsOf(mixed)
    const { candidate } = await aggregate({ strategy: 'flora', maxRank: 64 }, fold(list))
    const { candidate: turned } = await aggregate({ strategy: 'flora', maxRank: 64 }, fold(list.toReversed()))
    for (const module of modules) {
      const exact = exactMean(list, module)
      expect(distance(changeOf(candidate, module), exact)).toBeLessThan(1e-7)
      expect(distance(changeOf(turned, module), exact)).toBeLessThan(1e-7)
    }
  })

  test('of 32 adapters with ranks up to 64 stays as exact', async () => {
    const list = agentsOf(
      Array.from({ length: 32 }, (_, at) => [
        { rank: ((at * 29) % 64) + 1, alpha: 1 + ((at * 7) % 13), rslora: at % 3 === 0 },
        1 + ((at * 11) % 17),
      ]),
    )
    const { candidate } = await aggregate({ strategy: 'flora', maxRank: 2048 }, fold(list), {
      measured: false,
    })
    for (const module of modules) {
      const exact = exactMean(list, module)
      const most = exact.reduce((so, value) => Math.max(so, Math.abs(value)), 0)
      const off = changeOf(candidate, module).map((value, at) => Math.abs(value - exact[at]!))
      expect(Math.max(...off)).toBeLessThan(1e-6 * most)
    }
  })
})

describe('the exact sum compressed', () => {
  test.each(['b', 'even'] as const)(
    'is as near as the singular values that are left out allow (balance %s)',
    async (balance) => {
      const list = agentsOf(mixed)
      for (const rank of [1, 3, 5]) {
        const spec = { strategy: 'svd', target: { rank }, balance, partition: false } as const
        const { candidate, report } = await aggregate(spec, fold(list))
        for (const [at, module] of modules.entries()) {
          const exact = exactMean(list, module)
          const [rows, columns] = sides[module]
          const { values } = leadingSvd({ rows, columns, data: exact }, Math.min(rows, columns))
          const tail = norm(values.subarray(rank)) / norm(values)
          expect(distance(changeOf(candidate, module), exact)).toBeCloseTo(tail, 6)
          expect(report.modules[at]!.error).toBeCloseTo(tail, 6)
          expect(report.modules[at]!.dropped).toBeCloseTo(tail ** 2, 10)
        }
      }
    },
  )

  test('with all of the energy is exact, with a share of it has the smallest rank that keeps it', async () => {
    const list = agentsOf(mixed)
    const whole = await aggregate(
      { strategy: 'svd', target: { energy: 1 }, balance: 'b', partition: false },
      fold(list),
    )
    for (const module of modules)
      expect(distance(changeOf(whole.candidate, module), exactMean(list, module))).toBeLessThan(1e-6)
    const part = await aggregate(
      { strategy: 'svd', target: { energy: 0.9 }, balance: 'b', partition: false },
      fold(list),
    )
    for (const { rank, dropped, module } of part.report.modules) {
      expect(dropped).toBeLessThanOrEqual(0.1)
      const spec = { strategy: 'svd', target: { rank: rank - 1 }, balance: 'b', partition: false } as const
      const less = (await aggregate(spec, fold(list))).report.modules.find((one) => one.module === module)
      expect(less!.dropped).toBeGreaterThan(0.1)
    }
  })

  test('keeps the scaling of the first adapter, has orthonormal rows of A and the same signs each time', async () => {
    const list = agentsOf(mixed)
    const spec = { strategy: 'svd', target: { rank: 4 }, balance: 'b', partition: false } as const
    const one = (await aggregate(spec, fold(list))).candidate
    for (const module of modules) {
      const { a, b, scaling } = await factorsOf(one, module)
      expect(scaling).toBeCloseTo(3 / 2, 12)
      const gram = rowsTimesRows(a, a)
      for (let at = 0; at < 16; at++) expect(gram.data[at]).toBeCloseTo(at % 5 === 0 ? 1 : 0, 6)
      for (let row = 0; row < b.rows; row++) {
        const column = [...rowOf(b, row)]
        const largest = column.reduce((so, value) => (Math.abs(value) > Math.abs(so) ? value : so), 0)
        expect(largest).toBeGreaterThan(0)
      }
    }
  })

  test('by rank partitions: each range of ranks is the mean over the adapters that have it', async () => {
    const list = [
      [randomAdapter({ rank: 2, alpha: 2 }, 1), 1],
      [randomAdapter({ rank: 4, alpha: 4 }, 2), 3],
    ] as const
    const spec = { strategy: 'svd', target: { energy: 1 }, balance: 'b', partition: true } as const
    const { candidate } = await aggregate(spec, fold(list))
    for (const module of modules) {
      const cut = (adapter: Adapter, from: number, to: number): Float64Array => {
        const [outputs, inputs] = sides[module]
        const [a, b] = [adapter.tensors.get(keyOf(module, 'A'))!, adapter.tensors.get(keyOf(module, 'B'))!]
        const rank = a.shape[0]!
        return Float64Array.from({ length: outputs * inputs }, (_, at) => {
          let sum = 0
          for (let k = from; k < to; k++)
            sum += b.data[Math.floor(at / inputs) * rank + k]! * a.data[k * inputs + (at % inputs)]!
          return sum
        })
      }
      // Ranks 1 and 2 by 1/4 and 3/4; ranks 3 and 4 of the second adapter alone.
      const [x, y, z] = [cut(list[0][0], 0, 2), cut(list[1][0], 0, 2), cut(list[1][0], 2, 4)]
      const wanted = x.map((value, at) => 0.25 * value + 0.75 * y[at]! + z[at]!)
      expect(distance(changeOf(candidate, module), wanted)).toBeLessThan(1e-6)
    }
  })
})

describe('averaging beside a side adapter', () => {
  test('is exact together, with (K - 1) r columns beside, and the main adapter is the plain average', async () => {
    const list = agentsOf(alike)
    const { candidate, side, report } = await aggregate({ strategy: 'fedex', maxRank: 64 }, fold(list))
    const plain = await aggregate({ strategy: 'fedavg' }, fold(list))
    for (const module of modules) {
      const [main, beside] = [changeOf(candidate, module), changeOf(side!, module)]
      const both = main.map((value, at) => value + beside[at]!)
      expect(distance(both, exactMean(list, module))).toBeLessThan(1e-6)
      expect(distance(main, changeOf(plain.candidate, module))).toBeLessThan(1e-6)
      expect((await factorsOf(side!, module)).a.rows).toBe(6)
    }
    expect(report.error).toBeLessThan(1e-6)
    expect(report.averagedError).toBeCloseTo(plain.report.error!, 6)
    await expect(aggregate({ strategy: 'fedex', maxRank: 5 }, fold(list))).rejects.toThrow(
      '"model.q" expected a side adapter of rank 5 at most, got 6 of 3 contributions',
    )
  })

  test('with a rank to keep, drops the energy that it reports', async () => {
    const list = agentsOf(alike)
    const { side, report } = await aggregate(
      { strategy: 'fedex', maxRank: 4, target: { rank: 2 } },
      fold(list),
    )
    for (const [at, module] of modules.entries()) {
      expect((await factorsOf(side!, module)).a.rows).toBe(2)
      const { norm: whole, error, averagedError, dropped } = report.modules[at]!
      // What is off is the part of the residual that was dropped.
      expect(error! ** 2).toBeCloseTo(dropped! * averagedError! ** 2, 8)
      expect(whole).toBeCloseTo(norm(exactMean(list, module)), 5)
    }
  })

  test('of one adapter there is nothing beside', async () => {
    const [first] = agentsOf(alike)
    const { candidate, side } = await aggregate({ strategy: 'fedex', maxRank: 1 }, fold([first!]))
    expect(side).toBeNull()
    expect(candidate.tensors.get(keyOf('model.q', 'A'))!.data).toEqual(
      first![0].tensors.get(keyOf('model.q', 'A'))!.data,
    )
  })
})

test('the residual of averaging has no more than (K - 1) r singular values', () => {
  const list = agentsOf(alike.slice(0, 2))
  const [one, two] = list.map(([adapter, weight]) => ({ adapter, share: weight / 8 }))
  const tensor = (name: string) =>
    one!.adapter.tensors
      .get(name)!
      .data.map((value, at) => one!.share * value + two!.share * two!.adapter.tensors.get(name)!.data[at]!)
  const mean = withTensors(
    one!.adapter,
    new Map([...one!.adapter.tensors].map(([name, { shape }]) => [name, { shape, data: tensor(name) }])),
  )
  const exact = exactMean(list, 'model.v')
  const averaged = changeOf(mean, 'model.v')
  const [rows, columns] = sides['model.v']
  const residual = { rows, columns, data: exact.map((value, at) => value - averaged[at]!) }
  const { values } = leadingSvd(residual, 9)
  expect(values[2]).toBeGreaterThan(0.1)
  expect(values[3]! / values[0]!).toBeLessThan(1e-6) // rank 3 = (2 - 1) 3
})
