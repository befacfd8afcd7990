import type { Adapter } from '@lorica/peft-core'
import { parseRunSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { shortened } from '../aggregation/server-step.js'
import type { Contribution } from '../journal/event.js'
import { countsOf, membersOf, weighted } from './weights.js'

const specOf = (buffer: object, weights: object = {}) =>
  parseRunSpec({
    ...{ name: 'tone', base: { model: './base' }, data: { maxTokens: 128 } },
    ...{ local: { steps: 20, batch: 8, learningRate: 1e-3 }, aggregate: { weights } },
    rounds: { count: 10, mode: 'buffered', buffer: { size: 3, ...buffer } },
  })

function contribution(updateSha256: string, tokens: number, staleness: number | null): Contribution {
  const numbers = { examples: 3, norm: 2, trainMs: 40, lossFirst: 3, lossLast: 2, sizeBytes: 99 }
  const who = { agentId: `id-${updateSha256}`, name: updateSha256, assignmentId: 'as', acceptedAt: 'now' }
  const late = staleness === null ? {} : { late: { round: 2, version: 5, staleness } }
  return { ...who, ...numbers, ...late, updateSha256, tokens }
}
const round = [contribution('a', 30, null), contribution('b', 50, 3), contribution('c', 90, 1)]
const sharesOf = (buffer: object, weights?: object) =>
  weighted(specOf(buffer, weights), round).map(({ weight }) => weight)

describe('late updates', () => {
  test('count their tokens divided by the root of one more than the releases they are behind', () => {
    const total = 30 + 50 / 2 + 90 / Math.SQRT2
    const wanted = [30, 50 / 2, 90 / Math.SQRT2].map((weight) => weight / total)
    for (const [at, share] of sharesOf({}).entries()) expect(share).toBeCloseTo(wanted[at]!, 12)
  })

  test('count alike where the run says so, and by a threshold where it says that', () => {
    expect(sharesOf({ weight: { kind: 'constant' } })).toEqual([30 / 170, 50 / 170, 90 / 170])
    const threshold = { weight: { kind: 'threshold', cutoff: 2, late: 0.25 } }
    for (const [at, share] of sharesOf(threshold, { by: 'uniform' }).entries())
      expect(share).toBeCloseTo([1, 0.25, 1][at]! / 2.25, 12)
  })

  test('shorten the step to their mean weight where the run says so', () => {
    const mean = (30 + 50 / 2 + 90 / Math.SQRT2) / 170
    const { scale } = countsOf(specOf({ shortens: true }), membersOf(round))
    expect(scale).toBeCloseTo(mean, 12)
    expect(sharesOf({ shortens: true }).reduce((sum, share) => sum + share, 0)).toBeCloseTo(mean, 12)
    const fresh = membersOf([contribution('a', 30, null), contribution('b', 50, 0)])
    expect(countsOf(specOf({ shortens: true }), fresh).scale).toBe(1)
  })
})

test('a shortened step goes a part of the way from the start to the aggregate', () => {
  const adapter = (...values: number[]): Adapter => ({
    config: {} as Adapter['config'],
    tensors: new Map([['b', { shape: [values.length], data: Float32Array.from(values) }]]),
  })
  const { tensors } = shortened(adapter(1, -2, 0.5), adapter(3, -2, -1.5), 0.75)
  expect([...tensors.get('b')!.data]).toEqual([2.5, -2, -1])
})
