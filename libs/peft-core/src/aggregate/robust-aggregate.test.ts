import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import {
  aggregate,
  changeOf,
  contributed,
  distance,
  keyOf,
  modules,
  randomAdapter,
  randomTensor,
  sides,
  withTensors,
} from './agents.fixture.js'
import type { AggregationRule } from './robust-aggregate.js'

const start = randomAdapter({ rank: 2, alpha: 5 }, 1)
const ranks = [2, 3, 1, 2, 2, 3, 2]
const agents = ranks.map((rank, at) => randomAdapter({ rank, alpha: 2 + rank }, 10 + at))
const contributions = agents.map((adapter, at) => contributed(`agent-${at}`, 1 + 1000 * at, adapter))

/** The changes of all modules of an adapter, one after the other. */
const changesOf = (adapter: Adapter): Float64Array =>
  Float64Array.from(modules.flatMap((module) => [...changeOf(adapter, module)]))
const updates = agents.map((adapter) => {
  const from = changesOf(start)
  return changesOf(adapter).map((value, at) => value - from[at]!)
})
const dot = (x: Float64Array, y: Float64Array): number =>
  x.reduce((sum, value, at) => sum + value * y[at]!, 0)
const norms = updates.map((update) => Math.sqrt(dot(update, update)))
const median = norms.toSorted((a, b) => a - b)[3]!

/** The start and the sum of weight * update, dense. */
function moved(weights: readonly number[]): Float64Array {
  return changesOf(start).map((value, at) =>
    weights.reduce((sum, weight, agent) => sum + weight * updates[agent]![at]!, value),
  )
}

function trust(): readonly number[] {
  const cosines = updates.map((update, at) =>
    at === 4 ? 0 : Math.max(0, dot(update, updates[4]!) / norms[at]! / norms[4]!),
  )
  const total = cosines.reduce((sum, cosine) => sum + cosine, 0)
  return cosines.map((cosine, at) => (cosine * norms[4]!) / norms[at]! / total)
}

describe('a rule over a strategy that is exact', () => {
  test.each([
    [
      'norm-bound',
      { rule: 'norm-bound', maxNorm: 'median' },
      norms.map((norm) => Math.min(1, median / norm) / 7),
    ],
    [
      'a tighter bound',
      { rule: 'norm-bound', maxNorm: 0.5 },
      norms.map((norm) => Math.min(1, 0.5 / norm) / 7),
    ],
    ['trusted-root', { rule: 'trusted-root', root: 'agent-4' }, trust()],
    ['multi-krum of all', { rule: 'multi-krum', liars: 0, kept: 7 }, norms.map(() => 1 / 7)],
  ] as const satisfies readonly (readonly [string, AggregationRule, readonly number[]])[])(
    '%s: the release is the start and the weighted changes, whatever weights were stated',
    async (_, rule, weights) => {
      for (const spec of [
        { strategy: 'svd', target: { rank: 40 }, balance: 'b', partition: false },
        { strategy: 'flora', maxRank: 40 },
      ] as const) {
        const { candidate, report } = await aggregate(spec, contributions, { start, rule })
        expect(distance(changesOf(candidate), moved(weights))).toBeLessThan(1e-6)
        expect(report.notes.at(-1)).toContain(`robust rule: ${rule.rule}`)
      }
    },
  )

  test('what Krum leaves out is named', async () => {
    const liar = withTensors(
      agents[2]!,
      new Map([[keyOf('model.q', 'B'), randomTensor([sides['model.q'][0], 1], 'lie')]]),
    )
    const far = {
      ...liar,
      tensors: new Map(
        [...liar.tensors].map(([name, { shape, data }]) => [
          name,
          { shape, data: data.map((value) => 100 * value) },
        ]),
      ),
    }
    const all = [...contributions.slice(0, 6), contributed('liar', 5, far)]
    const spec = { strategy: 'svd', balance: 'b', partition: false } as const
    const { report, candidate } = await aggregate(spec, all, {
      start,
      rule: { rule: 'multi-krum', liars: 1, kept: 4 },
    })
    expect(report.notes.at(-1)).toMatch(
      /multi-krum against 1 liars, all agents counted alike; it left out 3 of 7$/,
    )
    expect(report.contributions).toHaveLength(4)
    expect(Math.sqrt(dot(changesOf(candidate), changesOf(candidate)))).toBeLessThan(2 * Math.max(...norms))
  })
})

test('the order of arrival changes no byte', async () => {
  const spec = { strategy: 'svd', balance: 'b', partition: false } as const
  const rule = { rule: 'geometric-median' } as const
  const one = await aggregate(spec, contributions, { start, rule })
  const other = await aggregate(spec, contributions.toReversed(), { start, rule })
  expect(other.candidate).toEqual(one.candidate)
})

describe('a rule of single values', () => {
  const frozen = [0, 1, 2, 3, 4].map((at) =>
    withTensors(
      start,
      new Map(
        modules.map((module) => [
          keyOf(module, 'B'),
          randomTensor([sides[module][0], 2], `b ${at} ${module}`),
        ]),
      ),
    ),
  )
  const given = frozen.map((adapter, at) => contributed(`agent-${at}`, 3 + at, adapter))

  test('the median of B, with A as it was', async () => {
    const rule = { rule: 'median', liars: 2 } as const
    const { candidate, report } = await aggregate({ strategy: 'ffa' }, given, { start, rule })
    for (const module of modules) {
      expect(candidate.tensors.get(keyOf(module, 'A'))).toEqual(start.tensors.get(keyOf(module, 'A')))
      const columns = frozen.map(({ tensors }) => tensors.get(keyOf(module, 'B'))!.data)
      const wanted = Float32Array.from(
        columns[0]!,
        (_, at) => columns.map((data) => data[at]!).sort((x, y) => x - y)[2]!,
      )
      expect(distance(candidate.tensors.get(keyOf(module, 'B'))!.data, wanted)).toBeLessThan(1e-6)
    }
    expect(report.notes).toEqual(['robust rule: median against 2 liars, all agents counted alike'])
  })

  test.each([
    [
      { strategy: 'fedavg' },
      { rule: 'median', liars: 2 },
      'median expected a strategy that freezes one factor (ffa, rolora), got fedavg',
    ],
    [
      { strategy: 'hetlora' },
      { rule: 'krum', liars: 1 },
      'krum expected a strategy that takes weights as they are',
    ],
  ] as const)('%j with %j is refused before anything is read', async (spec, rule, message) => {
    await expect(aggregate(spec, [], { start, rule })).rejects.toThrow(message)
  })

  test('too few agents, no start and a root that is not there are refused', async () => {
    const few = { strategy: 'ffa' } as const
    await expect(aggregate(few, given, { start, rule: { rule: 'median', liars: 3 } })).rejects.toThrow(
      'at least 7 updates',
    )
    await expect(
      aggregate({ strategy: 'fedavg' }, given, { rule: { rule: 'krum', liars: 1 } }),
    ).rejects.toThrow('krum expected the adapter that all started from')
    await expect(
      aggregate({ strategy: 'fedavg' }, given, { start, rule: { rule: 'trusted-root', root: 'root' } }),
    ).rejects.toThrow('trusted-root expected a contribution "root", got none')
  })
})
