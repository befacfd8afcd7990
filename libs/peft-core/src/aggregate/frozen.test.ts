import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import type { TensorMap } from '../adapter/tensor.js'
import { rowsTimesRows } from '../linear-algebra/matrix.js'
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
  randomTensor,
  sides,
  withTensors,
} from './agents.fixture.js'
import { orthonormalStart } from './orthonormal-start.js'
import { hasPart, withOwn } from './personal.js'
import { strategyOf } from './strategies.js'

const start = randomAdapter({ rank: 3, alpha: 5 }, 40)
const weights = [4, 1, 2.5]

/** The start with other values of one factor. */
function trained(factor: 'A' | 'B', from: Adapter, seed: number): Adapter {
  return withTensors(
    from,
    new Map(
      modules.map((module) => {
        const name = keyOf(module, factor)
        const [rows, columns] = from.tensors.get(name)!.shape as [number, number]
        return [name, randomTensor([rows, columns], `${seed} ${name}`)]
      }),
    ),
  )
}

const trainedList = (factor: 'A' | 'B', from: Adapter) =>
  weights.map((weight, at) => [trained(factor, from, at), weight] as const)
const fold = (list: readonly (readonly [Adapter, number])[]) =>
  list.map(([adapter, weight], at) => contributed(`k${at}`, weight, adapter))

describe('A frozen', () => {
  test('the mean of B is the exact mean, and A keeps every byte', async () => {
    const list = trainedList('B', start)
    const { candidate, report } = await aggregate({ strategy: 'ffa' }, fold(list), { start })
    for (const module of modules) {
      expect(distance(changeOf(candidate, module), exactMean(list, module))).toBeLessThan(1e-7)
      const name = keyOf(module, 'A')
      expect(candidate.tensors.get(name)!.data).toEqual(start.tensors.get(name)!.data)
    }
    expect(report.error).toBeLessThan(1e-7)
  })

  test('changes without the frozen factor give the same bytes as changes with zeros in it', async () => {
    const delta = (seed: number): TensorMap =>
      new Map(
        modules.map((module) => [
          keyOf(module, 'B'),
          randomTensor([sides[module][0], 3], `delta ${seed} ${module}`),
        ]),
      )
    const zeros: TensorMap = new Map(
      modules.map((module) => {
        const { shape, data } = start.tensors.get(keyOf(module, 'A'))!
        return [keyOf(module, 'A'), { shape, data: new Float32Array(data.length) }]
      }),
    )
    const changes = (whole: boolean) =>
      weights.map((weight, at) => ({
        ...contributed(`k${at}`, weight, {
          ...start,
          tensors: new Map([...(whole ? zeros : []), ...delta(at)]),
        }),
        start: start.tensors,
      }))
    const one = await aggregate({ strategy: 'ffa' }, changes(false), { start })
    const other = await aggregate({ strategy: 'ffa' }, changes(true), { start })
    expect(one).toEqual(other)
    expect(one.candidate.tensors.get(keyOf('model.q', 'B'))!.data).not.toEqual(
      start.tensors.get(keyOf('model.q', 'B'))!.data,
    )
  })

  test.each(['ffa', 'fedsvd'] as const)(
    'a contribution that trained A is refused by %s, with the place',
    async (strategy) => {
      const list = [...trainedList('B', start), [trained('A', start, 9), 1] as const]
      await expect(aggregate({ strategy }, fold(list), { start })).rejects.toThrow(
        `k3: ${strategy} expected the frozen "${keyOf('model.q', 'A')}" of the start, got`,
      )
    },
  )

  test('an orthonormal start makes the norm of B that of the change', async () => {
    const own = await orthonormalStart(start)
    for (const module of modules) {
      const { a, scaling } = await factorsOf(own, module)
      const gram = rowsTimesRows(a, a)
      for (let at = 0; at < 9; at++) expect(gram.data[at]).toBeCloseTo(at % 4 === 0 ? 1 : 0, 6)
      const b = own.tensors.get(keyOf(module, 'B'))!.data
      expect(b).toEqual(start.tensors.get(keyOf(module, 'B'))!.data)
      expect(norm(changeOf(own, module)) / scaling).toBeCloseTo(norm(b), 5)
    }
    expect(await orthonormalStart(start)).toEqual(own)
    await expect(orthonormalStart(randomAdapter({ rank: 10, alpha: 1 }, 1))).rejects.toThrow(
      '"model.v" expected a rank of at most 9, got 10',
    )
  })

  test('a refreshed A is orthonormal, and the model is the exact mean as before', async () => {
    const list = trainedList('B', start)
    const { candidate } = await aggregate({ strategy: 'fedsvd' }, fold(list), { start })
    for (const module of modules) {
      expect(distance(changeOf(candidate, module), exactMean(list, module))).toBeLessThan(1e-6)
      const { a } = await factorsOf(candidate, module)
      const gram = rowsTimesRows(a, a)
      for (let at = 0; at < 9; at++) expect(gram.data[at]).toBeCloseTo(at % 4 === 0 ? 1 : 0, 6)
    }
  })
})

describe('alternating', () => {
  test('rounds train B, then A, then B, each of them exactly', async () => {
    let from = start
    for (const [round, factor] of [
      [1, 'B'],
      [2, 'A'],
      [3, 'B'],
    ] as const) {
      const list = trainedList(factor, from)
      const { candidate } = await aggregate({ strategy: 'rolora' }, fold(list), { start: from, round })
      for (const module of modules) {
        expect(distance(changeOf(candidate, module), exactMean(list, module))).toBeLessThan(1e-7)
        const kept = keyOf(module, factor === 'A' ? 'B' : 'A')
        expect(candidate.tensors.get(kept)).toEqual(from.tensors.get(kept))
      }
      from = candidate
    }
  })

  test('an update of an earlier round, whose frozen factor is another, is refused', async () => {
    const stale = trained('B', trained('A', start, 77), 3)
    await expect(aggregate({ strategy: 'rolora' }, fold([[stale, 1]]), { start, round: 3 })).rejects.toThrow(
      'was it trained, or from another round?',
    )
    const { roles } = strategyOf({ strategy: 'rolora' })
    const shapes = new Map([...start.tensors].map(([name, { shape }]) => [name, shape]))
    const frozen = (round: number) =>
      [...roles({ config: start.config, shapes }, round)]
        .filter(([, role]) => role === 'frozen')
        .map(([name]) => name)
    expect(frozen(1)).toEqual(modules.map((module) => keyOf(module, 'A')))
    expect(frozen(2)).toEqual(modules.map((module) => keyOf(module, 'B')))
  })
})

describe('A shared', () => {
  const { roles } = strategyOf({ strategy: 'fedsa' })
  const shapes = new Map([...start.tensors].map(([name, { shape }]) => [name, shape]))

  test('B has no role but local, and never is a part of what is shared', () => {
    const found = [...roles({ config: start.config, shapes }, 1)]
    expect(found.filter(([, role]) => role === 'shared').map(([name]) => name)).toEqual(
      modules.map((module) => keyOf(module, 'A')),
    )
    expect(found.every(([name, role]) => role === (name.includes('lora_A') ? 'shared' : 'local'))).toBe(true)
  })

  test('a release has the mean of A, and the B of the start, for newcomers', async () => {
    const changes = weights.map((weight, at) => {
      const tensors = new Map(
        modules.map(
          (module) => [keyOf(module, 'A'), randomTensor([3, sides[module][1]], `a ${at} ${module}`)] as const,
        ),
      )
      return { ...contributed(`k${at}`, weight, { ...start, tensors }), start: start.tensors }
    })
    const { candidate, report } = await aggregate({ strategy: 'fedsa' }, changes, { start })
    const name = keyOf('model.v', 'A')
    const mean = start.tensors.get(name)!.data.map((value, at) => {
      const deltas = changes.map((_, k) => randomTensor([3, 9], `a ${k} model.v`).data[at]!)
      return value + (4 * deltas[0]! + deltas[1]! + 2.5 * deltas[2]!) / 7.5
    })
    expect(distance(candidate.tensors.get(name)!.data, mean)).toBeLessThan(1e-7)
    expect(candidate.tensors.get(keyOf('model.v', 'B'))).toEqual(start.tensors.get(keyOf('model.v', 'B')))
    expect(report.modules).toEqual([])
    expect(report.notes[0]).toContain('B and whole modules stay with each agent')
  })

  test('averaging leaves the tensors alone that stay with the agents, and measures the other modules', async () => {
    const local = new Set([keyOf('model.v', 'B')])
    const changes = weights.map((weight, at) => {
      const { tensors } = randomAdapter({ rank: 3, alpha: 4 }, at + 90)
      const sent = new Map([...tensors].filter(([name]) => !local.has(name)))
      return { ...contributed(`k${at}`, weight, { ...start, tensors: sent }), start: start.tensors }
    })
    const { candidate, report } = await aggregate({ strategy: 'fedavg' }, changes, { start, local })
    const whole = await aggregate({ strategy: 'fedavg' }, changes, { start })
    const [kept, averaged] = [keyOf('model.v', 'B'), keyOf('model.v', 'A')]
    expect(candidate.tensors.get(kept)).toEqual(start.tensors.get(kept))
    expect(candidate.tensors.get(averaged)).toEqual(whole.candidate.tensors.get(averaged))
    expect(candidate.tensors.get(averaged)).not.toEqual(start.tensors.get(averaged))
    expect(report.modules.map(({ module }) => module)).toEqual(['model.q'])
    expect(report.modules[0]?.error).toBe(whole.report.modules[0]?.error)
    expect(report.notes[0]).toContain('1 tensor stays with each agent')
    const plan = { start, round: 1, measured: false, local }
    const svd = strategyOf({ strategy: 'svd', balance: 'b', partition: false })
    expect(() => svd.open(plan)).toThrow('svd expected whole adapters, got tensors that stay with the agents')
    expect(() => strategyOf({ strategy: 'fedavg' }).open({ ...plan, start: null })).toThrow('without a start')
  })

  test('an adapter gets the own parts of an agent by name, and no others', () => {
    const name = keyOf('model.q', 'B')
    const own = new Map([[name, randomTensor([7, 3], 'own')]])
    const { tensors } = withOwn(start, own)
    expect(tensors.get(name)).toBe(own.get(name))
    expect([...tensors.keys()]).toEqual([...start.tensors.keys()])
    expect(tensors.get(keyOf('model.q', 'A'))).toBe(start.tensors.get(keyOf('model.q', 'A')))
    expect(() => withOwn(start, new Map([[name, randomTensor([7, 2], 'own')]]))).toThrow(
      'expected the shape (7,2)',
    )
    expect([
      hasPart(name, 'lora_B'),
      hasPart(name, 'q.lora_B'),
      hasPart(name, 'lora'),
      hasPart(name, 'odel'),
    ]).toEqual([...[true, true, false, false]])
  })
})
