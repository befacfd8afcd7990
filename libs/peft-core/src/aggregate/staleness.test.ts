import { describe, expect, test } from 'vitest'
import { tensorSource } from '../fold/tensor-source.js'
import { averaged } from './agents.fixture.js'
import { type BufferedUpdate, bufferWeights, type StalenessWeight, stalenessWeight } from './staleness.js'

const fedBuff = { kind: 'polynomial', exponent: 0.5 } as const

describe('stalenessWeight', () => {
  test.each([
    [fedBuff, [1, 0.7071067811865475, 0.5773502691896258, 0.5]], // 1 / sqrt(1 + tau)
    [{ kind: 'polynomial', exponent: 2 }, [1, 0.25, 1 / 9, 1 / 16]],
    [{ kind: 'threshold', cutoff: 2, late: 0.3 }, [1, 1, 1, 0.3]],
    [{ kind: 'constant' }, [1, 1, 1, 1]],
  ] as const satisfies readonly (readonly [StalenessWeight, readonly number[]])[])('%j', (weight, wanted) => {
    for (const [tau, value] of wanted.entries()) expect(stalenessWeight(weight, tau)).toBeCloseTo(value, 14)
  })

  test.each([
    [fedBuff, -1, 'staleness expected a whole number of versions, got -1'],
    [{ kind: 'polynomial', exponent: -1 }, 2, 'exponent expected a number of 0 or more, got -1'],
    [{ kind: 'threshold', cutoff: 1.5, late: 0.5 }, 2, 'cutoff expected a whole number of versions, got 1.5'],
    [{ kind: 'threshold', cutoff: 1, late: 0 }, 2, 'late expected a number in (0, 1], got 0'],
  ] as const)('%j at %d is refused', (weight, staleness, message) => {
    expect(() => stalenessWeight(weight, staleness)).toThrow(message)
  })
})

describe('bufferWeights', () => {
  const update = (id: string, version: number, weight: number): BufferedUpdate => ({ id, version, weight })

  test('late updates count less, those beyond the limit are told apart', () => {
    const updates = [update('c', 7, 40), update('a', 4, 10), update('d', 3, 25), update('b', 6, 30)]
    const { counted, tooOld, scale } = bufferWeights(updates, 7, { weight: fedBuff, maxStaleness: 3 })
    expect(counted).toEqual([
      { id: 'a', version: 4, staleness: 3, weight: 5 },
      { id: 'b', version: 6, staleness: 1, weight: 30 * 2 ** -0.5 },
      { id: 'c', version: 7, staleness: 0, weight: 40 },
    ])
    expect(tooOld).toEqual([{ id: 'd', version: 3, staleness: 4, weight: 25 }])
    expect(scale).toBe(1)
  })

  test('a rule that shortens multiplies the step with the mean weight of what counts', () => {
    const updates = [update('a', 4, 10), update('b', 7, 30)]
    const rule = { weight: fedBuff, maxStaleness: null, shortens: true } as const
    expect(bufferWeights(updates, 7, rule).scale).toBe((10 * 0.5 + 30) / 40)
    expect(bufferWeights([], 7, rule)).toEqual({ counted: [], tooOld: [], scale: 1 })
  })

  test('a buffer of the current version alone is a round of FedAvg, to the bit', async () => {
    const tensors = (values: readonly number[]) =>
      new Map([['b', { shape: [2], data: Float32Array.from(values) }]])
    const changes = new Map([
      ['x', tensorSource(tensors([0.1, 3]))],
      ['y', tensorSource(tensors([-7, 0.3]))],
      ['z', tensorSource(tensors([1 / 3, -11]))],
    ])
    const round = [update('z', 5, 311), update('x', 5, 97), update('y', 5, 13)]
    const rule = { weight: fedBuff, maxStaleness: 0, shortens: true } as const
    const { counted, scale } = bufferWeights(round, 5, rule)
    const folded = (updates: readonly BufferedUpdate[]) =>
      averaged(
        tensors([0.7, -0.2]),
        updates.map(({ id, weight }) => ({ id, weight, tensors: changes.get(id)! })),
      )
    expect(await folded(counted)).toEqual(await folded(round))
    expect(scale).toBe(1)
  })

  test('a version of the future, an id that comes twice and a weight of nothing are refused', () => {
    const rule = { weight: fedBuff, maxStaleness: null } as const
    expect(() => bufferWeights([update('a', 8, 2)], 7, rule)).toThrow(
      'update a expected a version up to 7, got 8',
    )
    expect(() => bufferWeights([update('a', 6, 2), update('a', 7, 2)], 7, rule)).toThrow('got a twice')
    expect(() => bufferWeights([update('a', 6, 0)], 7, rule)).toThrow('weight of a expected > 0, got 0')
    expect(() => bufferWeights([], 7, { ...rule, maxStaleness: -1 })).toThrow('or null, got -1')
  })
})
