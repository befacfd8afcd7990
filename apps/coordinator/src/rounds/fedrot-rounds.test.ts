import type { Tensor, TensorMap } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { startFleet } from '../fleet.fixture.js'
import { changesOf, distance, exactMean, federate, type Site } from './federation.fixture.js'

/** Moves both factors as everybody does, and then turns them by an angle of the agent's own: the same change of the model. */
function turnedBy(angle: number, tokens: number): Site {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return {
    tokens,
    change(start) {
      const update = new Map<string, Tensor>()
      for (const [name, { shape, data }] of start) {
        const [rows, columns] = shape as [number, number]
        const common = data.map((value, at) => value + 0.3 * Math.sin(at + 1))
        const at = (row: number, column: number) => common[row * columns + column]!
        const isA = name.includes('.lora_A.')
        const turned = common.map((_, index) => {
          const [row, column] = [Math.floor(index / columns), index % columns]
          const k = isA ? row : column // of rank 2
          const [own, other] = isA ? [at(k, column), at(1 - k, column)] : [at(row, k), at(row, 1 - k)]
          return cos * own + (k === 0 ? sin : -sin) * other
        })
        update.set(name, { shape: [rows, columns], data: turned.map((value, index) => value - data[index]!) })
      }
      return update as TensorMap
    },
  }
}

const sites = { oslo: turnedBy(0.4, 40), turin: turnedBy(-0.9, 80), graz: turnedBy(1.3, 40) }

test('agents that made the same change by turned factors are averaged without loss, in rounds that align A and in rounds that align B', async () => {
  await using fleet = await startFleet()
  const federation = await federate(fleet, sites, {
    ...{ aggregate: { strategy: 'fedrot', lambda: 1 }, rounds: 2 },
  })
  for (const round of [1, 2]) {
    const candidate = changesOf(federation.adapters[round]!)
    expect(distance(candidate, exactMean(federation, round))).toBeLessThan(1e-6)
    const { aggregation } = await federation.view(round)
    expect(aggregation).toMatchObject({ strategy: 'fedrot', exact: false })
    expect(aggregation?.error).toBeLessThan(1e-6)
    expect(aggregation?.averagedError).toBeGreaterThan(0.1)
    expect(await federation.replay(round)).toMatchObject({ updates: 3, isSame: true })
  }
})

test('factors are turned half the way unless a run says how far, and not at all at 0', async () => {
  const errorOf = async (aggregate: object) => {
    await using fleet = await startFleet()
    const federation = await federate(fleet, sites, { aggregate, rounds: 1 })
    const { aggregation } = await federation.view(1)
    expect(aggregation?.error).toBeCloseTo(
      distance(changesOf(federation.adapters[1]!), exactMean(federation, 1)),
      5,
    )
    return aggregation
  }
  const [half, none] = [
    await errorOf({ strategy: 'fedrot' }),
    await errorOf({ strategy: 'fedrot', lambda: 0 }),
  ]
  expect(half!.error).toBeLessThan(0.7 * half!.averagedError!)
  expect(half!.error).toBeGreaterThan(1e-3)
  expect(none!.error).toBe(none!.averagedError)
})
