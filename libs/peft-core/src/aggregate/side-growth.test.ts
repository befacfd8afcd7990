import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import {
  aggregate,
  changeOf,
  contributed,
  distance,
  exactMean,
  keyOf,
  modules,
  norm,
  randomAdapter,
  sides,
} from './agents.fixture.js'
import { joinedAdapter, splitAdapter, trainedShapes } from './side-adapter.js'
import { type Growing, grownAdapter } from './side-growth.js'

const spec = { rank: 3, alpha: 5, rslora: true } as const
const weights = [7, 1, 2]

/** Rounds in which each agent ends with random factors; what each started from, its whole adapters, and what came of it. */
async function rounds(count: number, growing: Pick<Growing, 'strategy' | 'maxRank'>) {
  let start = randomAdapter(spec, 1)
  const done = []
  for (let round = 1; round <= count; round++) {
    const split = splitAdapter(start, spec.rank)
    const trained = weights.map((_, at) => ({
      ...split.trained,
      tensors: randomAdapter(spec, 100 * round + at).tensors,
    }))
    const made = await aggregate(
      { strategy: growing.strategy, maxRank: Number.POSITIVE_INFINITY },
      trained.map((one, at) => contributed(`k${at}`, weights[at]!, one)),
      { start: split.trained, round },
    )
    const grown = await grownAdapter(made, { ...growing, start: split, seed: round })
    const whole = trained.map((one, at): [Adapter, number] => [
      joinedAdapter({ trained: one, side: split.side }),
      weights[at]!,
    ])
    done.push({ ...grown, start, whole })
    start = grown.candidate
  }
  return done
}

const ranksOf = ({ tensors }: Adapter) => modules.map((module) => tensors.get(keyOf(module, 'A'))!.shape[0])

describe.each(['flora', 'fedex'] as const)('%s', (strategy) => {
  test('adds exactly what the agents changed round after round, and grows no further than the shorter side of a module', async () => {
    const done = await rounds(3, { strategy, maxRank: 64 })
    for (const { candidate, whole, report, side } of done) {
      for (const module of modules) {
        const exact = exactMean(whole, module)
        expect(distance(changeOf(candidate, module), exact)).toBeLessThan(1e-6)
        const reported = report.modules.find((one) => one.module === module)
        expect(reported?.norm).toBeCloseTo(norm(exact), 5)
        expect(reported?.error).toBeLessThan(1e-6)
      }
      expect([report.exact, side.dropped]).toEqual([true, 0])
    }
    const first = strategy === 'flora' ? [3 + 7, 3 + 9] : [3 + 6, 3 + 6]
    expect(ranksOf(done[0]!.candidate)).toEqual(first)
    expect(done.slice(1).map(({ candidate }) => ranksOf(candidate))).toEqual([
      [3 + 7, 3 + 9],
      [3 + 7, 3 + 9],
    ])
    expect(done[2]!.side.rank).toBe(9)
  })

  test('leaves out the least of a side that outgrows its bound, and says how much and how far off that is', async () => {
    const done = await rounds(2, { strategy, maxRank: 4 })
    for (const { candidate, whole, report, side } of done) {
      expect(ranksOf(candidate)).toEqual([3 + 4, 3 + 4])
      let [off, all] = [0, 0]
      for (const module of modules) {
        const exact = exactMean(whole, module)
        const error = distance(changeOf(candidate, module), exact)
        const reported = report.modules.find((one) => one.module === module)!
        expect(reported.error).toBeCloseTo(error, 5)
        expect(reported.dropped).toBeGreaterThan(1e-3)
        off += (error * norm(exact)) ** 2
        all += norm(exact) ** 2
      }
      expect(report.error).toBeCloseTo(Math.sqrt(off / all), 5)
      expect([report.exact, side.rank]).toEqual([false, 4])
      expect(side.dropped).toBeGreaterThan(1e-3)
      expect(side.dropped).toBeLessThan(0.7)
    }
  })
})

test('after flora agents start from fresh factors without effect, which the seed draws', async () => {
  const [first, second] = await rounds(2, { strategy: 'flora', maxRank: 64 })
  const trained = [first!, second!].map(({ candidate }) => splitAdapter(candidate, 3).trained.tensors)
  for (const module of modules) {
    expect(norm(trained[0]!.get(keyOf(module, 'B'))!.data)).toBe(0)
    const [a, again] = trained.map((tensors) => tensors.get(keyOf(module, 'A'))!.data) as [
      Float32Array,
      Float32Array,
    ]
    const inputs = sides[module][1]
    expect(Math.max(...a.map(Math.abs))).toBeLessThan(1 / Math.sqrt(inputs))
    expect(distance(a, again)).toBeGreaterThan(0.3)
  }
})

test('after fedex agents go on from the means of their factors', async () => {
  const [done] = await rounds(1, { strategy: 'fedex', maxRank: 64 })
  const { tensors } = splitAdapter(done!.candidate, 3).trained
  const own = weights.map((_, at) => randomAdapter(spec, 100 + at).tensors)
  for (const name of tensors.keys()) {
    const mean = own[0]!
      .get(name)!
      .data.map((_, at) =>
        own.reduce((sum, one, k) => sum + (weights[k]! / 10) * one.get(name)!.data[at]!, 0),
      )
    expect(distance(tensors.get(name)!.data, mean)).toBeLessThan(1e-6)
  }
})

test('an adapter is split and joined without a change of a bit, and of what cannot be split it is said why', () => {
  const whole = randomAdapter({ rank: 5, alpha: 4, rankPattern: { q: 7 } }, 3)
  const { trained, side } = splitAdapter(whole, 2)
  expect(side?.ranks).toEqual({ 'model.q': 5, 'model.v': 3 })
  const again = joinedAdapter({ trained, side })
  for (const [name, { shape, data }] of whole.tensors) {
    expect(again.tensors.get(name)).toEqual({ shape, data })
    expect(trainedShapes({ ...whole, shapes: shapesOf(whole) }, 2).get(name)).toEqual(
      trained.tensors.get(name)?.shape,
    )
  }
  for (const module of modules)
    expect(distance(changeOf(again, module), changeOf(whole, module))).toBeLessThan(1e-15)
  expect(splitAdapter(randomAdapter(spec, 1), 3).side).toBeNull()
  expect(() => splitAdapter(whole, 6)).toThrow('"model.v" expected a rank of 6 or more to train, got 5')
})

const shapesOf = ({ tensors }: Adapter) => new Map([...tensors].map(([name, { shape }]) => [name, shape]))
