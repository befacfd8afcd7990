import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import type { Tensor } from '../adapter/tensor.js'
import { type Matrix, product, rowsTimesRows, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import {
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
import { filledAdapter } from './filled.js'
import type { Factors } from './module-factors.js'
import { rotatedAdapter } from './rotated-adapter.js'
import { rotated } from './rotation.js'
import { truncatedAdapter } from './truncated.js'

const list = [3, 1, 6].map((weight, at) => [randomAdapter({ rank: 3, alpha: 4 }, at + 20), weight] as const)
const fold = (agents: readonly (readonly [Adapter, number])[]) =>
  agents.map(([adapter, weight], at) => contributed(`k${at}`, weight, adapter))

describe('averaging A and B', () => {
  test('is off by the covariance of the factors', async () => {
    const { report } = await aggregate({ strategy: 'fedavg' }, fold(list))
    const values = (adapter: Adapter, name: string) => adapter.tensors.get(name)!.data
    const mean = (name: string): Float64Array =>
      Float64Array.from(values(list[0]![0], name), (_, at) =>
        list.reduce((sum, [adapter, weight]) => sum + (weight / 10) * values(adapter, name)[at]!, 0),
      )
    for (const [at, module] of modules.entries()) {
      const [outputs, inputs] = sides[module]
      const [meanA, meanB] = [mean(keyOf(module, 'A')), mean(keyOf(module, 'B'))]
      const covariance = new Float64Array(outputs * inputs)
      for (const [adapter, weight] of list) {
        const [a, b] = [values(adapter, keyOf(module, 'A')), values(adapter, keyOf(module, 'B'))]
        for (let k = 0; k < 3; k++)
          for (let row = 0; row < outputs; row++)
            for (let column = 0; column < inputs; column++)
              covariance[row * inputs + column]! +=
                (4 / 3) *
                (weight / 10) *
                (b[row * 3 + k]! - meanB[row * 3 + k]!) *
                (a[k * inputs + column]! - meanA[k * inputs + column]!)
      }
      const wanted = norm(covariance) / norm(exactMean(list, module))
      expect(wanted).toBeGreaterThan(0.3)
      expect(report.modules[at]!.error).toBeCloseTo(wanted, 6)
    }
  })

  test('is exact where one factor is the same in all', async () => {
    const [first] = list[0]!
    const same = list.map(([adapter, weight]) => {
      const kept = new Map(
        modules.map((module) => [keyOf(module, 'A'), first.tensors.get(keyOf(module, 'A'))!]),
      )
      return [withTensors(adapter, kept), weight] as const
    })
    const { candidate, report } = await aggregate({ strategy: 'fedavg' }, fold(same))
    for (const module of modules)
      expect(distance(changeOf(candidate, module), exactMean(same, module))).toBeLessThan(1e-7)
    expect(report.error).toBeLessThan(1e-7)
  })
})

describe('averaging with zeros', () => {
  test('of equal ranks and norms is averaging', async () => {
    const [first, second] = [list[0]![0], list[1]![0]]
    const scaled = new Map(
      modules.map((module) => {
        const { shape, data } = second.tensors.get(keyOf(module, 'B'))!
        const ratio = norm(changeOf(first, module)) / norm(changeOf(second, module))
        return [keyOf(module, 'B'), { shape, data: data.map((value) => ratio * value) }] as const
      }),
    )
    const pair = fold([
      [first, 1],
      [withTensors(second, scaled), 1],
    ])
    const one = await aggregate({ strategy: 'hetlora' }, pair)
    const other = await aggregate({ strategy: 'fedavg' }, pair)
    for (const [name, { data }] of one.candidate.tensors)
      expect(distance(data, other.candidate.tensors.get(name)!.data), name).toBeLessThan(2e-7)
  })

  test('of ranks 1 and 3 weighs them by the norms of their changes', async () => {
    const pair = [randomAdapter({ rank: 1, alpha: 2 }, 1), randomAdapter({ rank: 3, alpha: 6 }, 2)]
    const { candidate } = await aggregate({ strategy: 'hetlora' }, fold(pair.map((adapter) => [adapter, 1])))
    for (const module of modules) {
      const norms = pair.map((adapter) => norm(changeOf(adapter, module)))
      const share = norms[0]! / (norms[0]! + norms[1]!)
      const [, inputs] = sides[module]
      const [a, b, found] = [...pair, candidate].map(
        (adapter) => adapter.tensors.get(keyOf(module, 'A'))!.data,
      )
      for (let at = 0; at < 3 * inputs; at++)
        expect(found![at]).toBeCloseTo(share * (a![at] ?? 0) + (1 - share) * b![at]!, 6)
    }
  })
})

describe('correcting B', () => {
  const corrected = (lambda: number) => aggregate({ strategy: 'lora-fair', lambda }, fold(list))

  test('with a price of nothing is the least squares: what is left is at right angles to the mean A', async () => {
    const { candidate, report } = await corrected(0)
    for (const module of modules) {
      const [rows, columns] = sides[module]
      const found = changeOf(candidate, module)
      const rest: Matrix = {
        rows,
        columns,
        data: exactMean(list, module).map((value, at) => value - found[at]!),
      }
      const { a } = await factorsOf(candidate, module)
      expect(norm(rowsTimesRows(rest, a).data) / (norm(rest.data) * norm(a.data))).toBeLessThan(1e-6)
    }
    expect(report.error).toBeLessThan(report.averagedError!)
  })

  test('with a high price is averaging, and between them in between', async () => {
    const [none, some, most] = await Promise.all([0, 1, 1e9].map((lambda) => corrected(lambda)))
    const plain = await aggregate({ strategy: 'fedavg' }, fold(list))
    for (const [name, { data }] of plain.candidate.tensors)
      expect(distance(most!.candidate.tensors.get(name)!.data, data)).toBeLessThan(1e-6)
    expect(some!.report.error).toBeGreaterThan(none!.report.error!)
    expect(some!.report.error).toBeLessThan(plain.report.error!)
  })

  test('a negative price is refused', async () => {
    await expect(corrected(-1)).rejects.toThrow('lambda expected a number of at least 0, got -1')
  })
})

describe('turning factors', () => {
  const change = ({ scaling, a, b }: Factors): Float64Array =>
    product(transposed(b), a).data.map((value) => scaling * value)

  test.each([0.3, 0.5, 1])(
    'leaves the change alone (lambda %d), and brings the factor nearer',
    async (lambda) => {
      const [own, reference] = [
        await factorsOf(list[0]![0], 'model.v'),
        await factorsOf(list[1]![0], 'model.v'),
      ]
      for (const aligned of ['a', 'b'] as const) {
        const turned = rotated(own, reference, { lambda, aligned })
        expect(distance(change(turned), change(own))).toBeLessThan(1e-13)
        expect(distance(turned[aligned].data, reference[aligned].data)).toBeLessThan(
          distance(own[aligned].data, reference[aligned].data),
        )
      }
    },
  )

  test('turns, and does not mirror: factors with two ranks exchanged come nearer, and not all the way', async () => {
    const reference = await factorsOf(list[0]![0], 'model.v')
    const exchanged = (matrix: Matrix): Matrix => {
      const inputs = matrix.columns
      const data = matrix.data.slice()
      data.set(matrix.data.subarray(inputs, 2 * inputs), 0)
      data.set(matrix.data.subarray(0, inputs), inputs)
      return { ...matrix, data }
    }
    const own = { ...reference, a: exchanged(reference.a), b: exchanged(reference.b) }
    const turned = rotated(own, reference, { lambda: 1, aligned: 'a' })
    const [before, after] = [own, turned].map(({ a }) => distance(a.data, reference.a.data))
    expect(after).toBeGreaterThan(0.1)
    expect(after).toBeLessThan(before!)
    expect(distance(change(turned), change(own))).toBeLessThan(1e-13)
  })

  test('what agents turn themselves and send is averaged as what is turned here', async () => {
    const [start] = list[2]!
    for (const round of [1, 2]) {
      const sent = await Promise.all(
        list.map(
          async ([own, weight]) =>
            [await rotatedAdapter(own, start, { lambda: 0.6, round }), weight] as const,
        ),
      )
      for (const module of modules)
        expect(distance(changeOf(sent[0]![0], module), changeOf(list[0]![0], module))).toBeLessThan(1e-6)
      const there = await aggregate({ strategy: 'fedrot', lambda: 0.6, turnHere: false }, fold(sent), {
        start,
        round,
      })
      const here = await aggregate({ strategy: 'fedrot', lambda: 0.6, turnHere: true }, fold(list), {
        start,
        round,
      })
      for (const [name, { data }] of here.candidate.tensors)
        expect(distance(there.candidate.tensors.get(name)!.data, data)).toBeLessThan(1e-6)
      expect(here.report.error).toBeLessThan(here.report.averagedError!)
    }
  })

  test('by nothing is averaging, to the bit', async () => {
    const plain = await aggregate({ strategy: 'fedavg' }, fold(list))
    for (const turnHere of [true, false]) {
      const { candidate } = await aggregate({ strategy: 'fedrot', lambda: 0, turnHere }, fold(list))
      expect(candidate).toEqual(plain.candidate)
    }
  })

  test('turned copies of one adapter average to it exactly, in rounds of A and of B', async () => {
    const [first] = list[0]!
    const copies = [0, 1, 2].map(
      (at) => [withTensors(first, turnedTensors(first, 0.7 * at + 0.4)), at + 1] as const,
    )
    const off = await aggregate({ strategy: 'fedavg' }, fold(copies))
    expect(off.report.error).toBeGreaterThan(0.1)
    for (const round of [1, 2]) {
      const { report } = await aggregate({ strategy: 'fedrot', lambda: 1, turnHere: true }, fold(copies), {
        round,
      })
      expect(report.error).toBeLessThan(1e-6)
      expect(report.agreement?.least).toBeCloseTo(1, 6)
    }
  })
})

/** The factors turned by an angle in the plane of the first two ranks. */
function turnedTensors(adapter: Adapter, angle: number): Adapter['tensors'] {
  const turn = zeroMatrix(3, 3)
  turn.data.set([Math.cos(angle), Math.sin(angle), 0, -Math.sin(angle), Math.cos(angle), 0, 0, 0, 1])
  return new Map(
    modules.flatMap((module): readonly (readonly [string, Tensor])[] => {
      const [outputs, inputs] = sides[module]
      const data = (factor: 'A' | 'B') => Float64Array.from(adapter.tensors.get(keyOf(module, factor))!.data)
      const a = product(turn, { rows: 3, columns: inputs, data: data('A') })
      const b = product({ rows: outputs, columns: 3, data: data('B') }, transposed(turn))
      return [
        [keyOf(module, 'A'), { shape: [3, inputs], data: Float32Array.from(a.data) }],
        [keyOf(module, 'B'), { shape: [outputs, 3], data: Float32Array.from(b.data) }],
      ]
    }),
  )
}

test('the leading part of a release of svd is what svd of that rank releases', async () => {
  const spec = { strategy: 'svd', balance: 'b', partition: false } as const
  const whole = (await aggregate({ ...spec, target: { rank: 5 } }, fold(list))).candidate
  const small = (await aggregate({ ...spec, target: { rank: 2 } }, fold(list))).candidate
  const cut = await truncatedAdapter(whole, 2)
  for (const module of modules)
    expect(distance(changeOf(cut, module), changeOf(small, module))).toBeLessThan(1e-6)
  await expect(truncatedAdapter(whole, 0)).rejects.toThrow('rank expected a whole number of 1 or more, got 0')
})

test('an adapter that is filled up to the ranks of another has the same change, and rows of that one to train', async () => {
  const [small, large] = [randomAdapter({ rank: 2, alpha: 6 }, 71), randomAdapter({ rank: 5, alpha: 15 }, 72)]
  const filled = await filledAdapter(small, large)
  expect(filled.config).toMatchObject({ rank: 5, alpha: 15, rankPattern: {} })
  for (const module of modules) {
    expect(changeOf(filled, module)).toEqual(changeOf(small, module))
    const [a, b] = [filled, large].map(({ tensors }) => tensors.get(keyOf(module, 'A'))!)
    const inputs = sides[module][1]
    expect(a!.data.subarray(2 * inputs)).toEqual(b!.data.subarray(2 * inputs))
  }
  const cut = await truncatedAdapter(filled, 2)
  expect(cut.tensors).toEqual(small.tensors)
  expect(cut.config).toMatchObject({ rank: 2, alpha: 6 })
})
