import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLoraConfig } from '../adapter/lora-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { tensorSource } from '../fold/tensor-source.js'
import type { Contribution } from './contribution.js'
import { type StrategySpec, strategyOf } from './strategies.js'
import type { Aggregate } from './strategy.js'

const A = 'base_model.model.w.lora_A.weight'
const B = 'base_model.model.w.lora_B.weight'

function matrix(rows: readonly (readonly number[])[]): { shape: number[]; data: Float32Array } {
  return { shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) }
}

/** An agent with one adapted weight, scaling 1. */
function agent(
  id: string,
  weight: number,
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): Contribution {
  const tensors: TensorMap = new Map([
    [A, matrix(a)],
    [B, matrix(b)],
  ])
  const config = createLoraConfig({
    method: 'lora',
    rank: a.length,
    alpha: a.length,
    targets: ['w'],
    rslora: false,
  })
  return { id, weight, config, start: null, tensors: tensorSource(tensors) }
}

async function aggregate(spec: StrategySpec, contributions: readonly Contribution[]): Promise<Aggregate> {
  const aggregation = strategyOf(spec).open({ start: null, round: 1, measured: true })
  for (const contribution of contributions) await aggregation.fold(contribution)
  return aggregation.close()
}

// DW* = [[4.75, -1], [2.25, -0.75]]; the averaged factors give [[4.375, -0.4375], [1.875, -0.1875]]
const agents = [agent('x', 1, [[1, 2]], [[1], [0]]), agent('y', 3, [[3, -1]], [[2], [1]])]
const exactNorm = Math.hypot(4.75, 1, 2.25, 0.75)
const naiveError = Math.hypot(0.375, 0.5625, 0.375, 0.5625) / exactNorm

const specs: readonly StrategySpec[] = [
  { strategy: 'fedavg' },
  { strategy: 'flora', maxRank: 100 },
  { strategy: 'svd', balance: 'b', partition: false },
  { strategy: 'svd', target: { energy: 0.9 }, balance: 'even', partition: true },
]

describe('two agents of rank 1', () => {
  test('averaged: the factors are the means, and the error that of their covariance', async () => {
    const { candidate, report } = await aggregate({ strategy: 'fedavg' }, agents)
    expect([...candidate.tensors.get(A)!.data]).toEqual([2.5, -0.25])
    expect([...candidate.tensors.get(B)!.data]).toEqual([1.75, 0.75])
    expect(report.error).toBeCloseTo(naiveError, 14)
    expect(report.averagedError).toBeCloseTo(naiveError, 14)
    expect(report.norm).toBeCloseTo(exactNorm, 14)
    expect(report.contributions.map(({ share }) => share)).toEqual([0.25, 0.75])
    // <DW_1, DW_2> = 2 * 3 + 4 * -1... of [[1, 2], [0, 0]] and [[6, -2], [3, -1]] is 2
    expect(report.agreement?.mean).toBeCloseTo(2 / (Math.sqrt(5) * Math.sqrt(50)), 14)
  })

  test('stacked: the shares lie in A alone, and the sum is exact', async () => {
    const { candidate, report } = await aggregate({ strategy: 'flora', maxRank: 2 }, agents)
    expect([...candidate.tensors.get(A)!.data]).toEqual([0.25, 0.5, 2.25, -0.75])
    expect([...candidate.tensors.get(B)!.data]).toEqual([1, 2, 0, 1])
    expect(report.error).toBeLessThan(1e-15)
    expect(report.averagedError).toBeCloseTo(naiveError, 14)
    await expect(aggregate({ strategy: 'flora', maxRank: 1 }, agents)).rejects.toThrow(
      'expected a stacked rank of at most 1, got 2 of 2 contributions',
    )
  })

  test('compressed to rank 1: nearest to the sum, with A of length 1', async () => {
    const { candidate, report } = await aggregate({ strategy: 'svd', balance: 'b', partition: false }, agents)
    // Singular values of DW*: the roots of the eigenvalues of DW*' DW*, of trace 29.1875 and determinant (4.75 * -0.75 + 2.25)^2
    const [trace, determinant] = [exactNorm ** 2, (4.75 * -0.75 + 2.25) ** 2]
    const least = (trace - Math.sqrt(trace ** 2 - 4 * determinant)) / 2
    expect(report.error).toBeCloseTo(Math.sqrt(least / trace), 7)
    expect(Math.hypot(...candidate.tensors.get(A)!.data)).toBeCloseTo(1, 6)
    expect(candidate.tensors.get(B)!.data[0]).toBeGreaterThan(0) // its largest entry
  })
})

test.each(specs)('the order of arrival does not change one bit: %j', async (spec) => {
  const value = fc.float({ noNaN: true, min: -100, max: 100 })
  const agentOf = fc.record({
    weight: fc.integer({ min: 1, max: 99 }),
    a: fc.array(fc.array(value, { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 2 }),
    b: fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { minLength: 3, maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(agentOf, { minLength: 2, maxLength: 7 }),
      fc.nat({ max: 6 }),
      async (list, turn) => {
        const all = list.map(({ weight, a, b }, at) => agent(`k${at}`, weight, a, b))
        const other = [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)].toReversed()
        const [one, two] = [await aggregate(spec, all), await aggregate(spec, other)]
        expect(two.report).toEqual(one.report)
        for (const [name, { data }] of one.candidate.tensors)
          expect(two.candidate.tensors.get(name)!.data).toEqual(data)
      },
    ),
    { numRuns: 15 },
  )
})

describe('what cannot be aggregated is refused, and says what was expected and what came', () => {
  const [one, two] = agents as [Contribution, Contribution]
  const wide = agent(
    'z',
    2,
    [
      [1, 2],
      [3, 5],
    ],
    [
      [1, 4],
      [0, 2],
    ],
  )
  const cases: readonly (readonly [string, readonly Contribution[], string])[] = [
    ['an id twice', [one, one], 'x expected to be folded once, got it twice'],
    ['no contribution', [], 'expected at least one contribution, got none'],
    ['a weight of 0', [{ ...one, weight: 0 }], 'weight of x expected > 0, got 0'],
    ['another rank', [one, wide], '"w" expected rank 1 as x, got 2'],
    [
      'another side',
      [one, agent('z', 2, [[1, 2, 3]], [[1], [4]])],
      'z: "w" expected linear 2 x 2, got linear 2 x 3',
    ],
    [
      'another scaling',
      [one, { ...two, config: { ...two.config, alpha: 3 } as Contribution['config'] }],
      'y: "w" expected the scaling 1 of x, got 3',
    ],
    [
      'a value that is not finite',
      [one, agent('z', 2, [[1, Number.NaN]], [[1], [4]])],
      'expected a finite sum, got NaN',
    ],
  ]
  test.each(cases)('%s', async (_, contributions, message) => {
    await expect(aggregate({ strategy: 'fedavg' }, contributions)).rejects.toThrow(message)
  })
})

test('a change is added to what it started from: three agents of a federation and their whole adapters give the same', async () => {
  const start: TensorMap = new Map([
    [A, matrix([[0.5, -1.5]])],
    [B, matrix([[2], [-3]])],
  ])
  const changes = [agent('x', 1, [[1, 2]], [[1], [0]]), agent('y', 3, [[3, -1]], [[2], [1]])]
  const whole = [agent('x', 1, [[1.5, 0.5]], [[3], [-3]]), agent('y', 3, [[3.5, -2.5]], [[4], [-2]])]
  for (const spec of specs) {
    const one = await aggregate(
      spec,
      changes.map((change) => ({ ...change, start })),
    )
    const other = await aggregate(spec, whole)
    for (const [name, { data }] of one.candidate.tensors)
      for (const [at, value] of data.entries())
        expect(value, name).toBeCloseTo(other.candidate.tensors.get(name)!.data[at]!, 6)
  }
})
