import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import type { TensorMap } from '../adapter/tensor.js'
import { rawTensor } from '../adapter/tensor.js'
import { decodeControl, encodeControl } from './control-file.js'
import { nextControl, nextServerControl, scaffoldCorrection, zeroControl } from './scaffold.js'
import { rateSumOf } from './schedule.js'
import { type TrainingModel, type TrainJob, train } from './trainer.js'

const one = (...values: readonly number[]): TensorMap =>
  new Map([['p', { shape: [values.length], data: Float32Array.from(values) }]])
const numberIn = (tensors: TensorMap, at = 0): number => tensors.get('p')!.data[at] as number

interface Site {
  readonly curvature: number
  readonly target: number
}

/** loss = curvature (p - target)^2 / 2. */
const modelOf = ({ curvature, target }: Site): TrainingModel => ({
  task: 'masked',
  async lossAndGradients(parameters) {
    const distance = numberIn(parameters) - target
    return {
      loss: (curvature * distance ** 2) / 2,
      gradients: new Map([['p', Float32Array.of(curvature * distance)]]),
    }
  },
})

const batch = {
  rows: 1,
  columns: 2,
  inputIds: new Int32Array(2),
  attentionMask: new Int32Array(2),
  labels: Int32Array.of(1, 1),
}

const jobFrom = (tensors: TensorMap, more: Partial<TrainJob> = {}): TrainJob => ({
  tensors,
  batches: Array.from({ length: 8 }, () => batch),
  optimizer: { kind: 'sgd', learningRate: 0.1, weightDecay: 0 },
  schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 8, firstStep: 0 },
  accumulate: 1,
  ...more,
})

/** Rounds in which the sites of `taking` take part, of all sites. */
async function federated(
  sites: readonly Site[],
  rounds: number,
  corrects: boolean,
  taking = sites.map((_, at) => at),
) {
  let x = one(3)
  let c = zeroControl(x)
  const own = sites.map((): TensorMap => zeroControl(x))
  for (let round = 0; round < rounds; round++) {
    let [sum, rates] = [0, 0]
    for (const at of taking) {
      const correction = corrects ? { correction: scaffoldCorrection(c, own[at]) } : {}
      const { tensors, rateSum } = await train(modelOf(sites[at]!), jobFrom(x, correction))
      const next = nextControl({ start: x, end: tensors, server: c, own: own[at], rateSum })
      own[at] = next.own
      sum += numberIn(tensors)
      rates = rateSum
    }
    const mean = one(sum / taking.length - numberIn(x))
    const agents = { before: sites.length, after: sites.length }
    c = nextServerControl(c, { mean, took: taking.length, rateSum: rates, agents })
    x = one(sum / taking.length)
  }
  return { x, c, own }
}

describe('SCAFFOLD', () => {
  const unlike = [
    { curvature: 0.5, target: -4 },
    { curvature: 4, target: 1 },
    { curvature: 1.5, target: 6 },
  ]
  const optimum = (0.5 * -4 + 4 * 1 + 1.5 * 6) / 6 // where the gradients of the sum vanish

  test('with unlike sites it reaches the optimum of their sum, which averaging alone misses', async () => {
    expect(numberIn((await federated(unlike, 60, true)).x)).toBeCloseTo(optimum, 4)
    expect(Math.abs(numberIn((await federated(unlike, 60, false)).x) - optimum)).toBeGreaterThan(0.1)
  })

  test('with like sites it goes where plain gradient descent goes', async () => {
    const alike = Array.from({ length: 3 }, () => ({ curvature: 2, target: 5 }))
    const { x } = await federated(alike, 3, true)
    const { tensors } = await train(
      modelOf(alike[0]!),
      jobFrom(one(3), { batches: Array.from({ length: 24 }, () => batch) }),
    )
    expect(numberIn(x)).toBeCloseTo(numberIn(tensors), 5)
  })

  test('after rounds of all, the controls of the agents add up to as many times the coordinator’s', async () => {
    const { c, own } = await federated(unlike, 4, true)
    const sum = own.reduce((total, control) => total + numberIn(control), 0)
    expect(Math.abs(numberIn(c))).toBeGreaterThan(1e-3)
    expect(sum).toBeCloseTo(3 * numberIn(c), 5)
  })

  test('an agent that is not asked keeps its control, and the sum still holds', async () => {
    const { c, own } = await federated(unlike, 3, true, [0, 2])
    expect(numberIn(own[1]!)).toBe(0)
    expect(numberIn(own[0]!) + numberIn(own[2]!)).toBeCloseTo(3 * numberIn(c), 5)
  })

  test('a control is what the formula says', () => {
    const [start, end, server] = [one(2, 0), one(1.5, 0.25), one(0.5, -1)]
    const first = nextControl({ start, end, server, own: undefined, rateSum: 0.25 })
    expect([...first.change.get('p')!.data]).toEqual([2 - 0.5, -1 + 1])
    expect(first.own).toEqual(first.change)
    const second = nextControl({ start, end, server, own: one(3, 4), rateSum: 0.25 })
    expect([...second.own.get('p')!.data]).toEqual([3 + 1.5, 4])
    expect([...scaffoldCorrection(server, one(3, 4)).get('p')!.data]).toEqual([-2.5, -5])
  })

  test('the coordinator’s control follows from the updates: the mean of the controls, also when agents come in', () => {
    const [x, rateSum] = [one(2, 0), 0.25]
    const ends = [one(1.5, 0.25), one(3, -1), one(2.5, 2)]
    const controls = [one(3, 4), one(-1, 2), undefined] // of three agents, the last of them new
    const server = one((3 - 1 + 5) / 3, (4 + 2 - 8) / 3) // with a third one, (5, -8), that does not take part
    const own = ends.map((end, at) => nextControl({ start: x, end, server, own: controls[at], rateSum }).own)
    const all = [...own, one(5, -8)]
    const mean = one((1.5 + 3 + 2.5) / 3 - 2, (0.25 - 1 + 2) / 3)
    const next = nextServerControl(server, { mean, took: 3, rateSum, agents: { before: 3, after: 4 } })
    for (const at of [0, 1])
      expect(numberIn(next, at)).toBeCloseTo(all.reduce((sum, one) => sum + numberIn(one, at), 0) / 4, 5)
  })

  test('a coordinator sums the rates that the steps of an agent had', async () => {
    const schedule = { kind: 'cosine', warmupSteps: 3, totalSteps: 20, firstStep: 1 } as const
    const { rateSum } = await train(modelOf(unlike[0]!), jobFrom(one(3), { schedule }))
    expect(rateSumOf(0.1, schedule, 8)).toBe(rateSum)
    expect(rateSum).toBeCloseTo(
      0.1 *
        (1 / 3 +
          2 / 3 +
          [3, 4, 5, 6, 7, 8].reduce((sum, at) => sum + (1 + Math.cos((Math.PI * (at - 3)) / 17)) / 2, 0)),
      12,
    )
  })

  test('an optimiser whose steps do not tell the mean gradient is refused', async () => {
    const adamw = { learningRate: 0.1, weightDecay: 0, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }
    const model = modelOf(unlike[0]!)
    await expect(train(model, jobFrom(one(3), { optimizer: adamw, correction: one(1) }))).rejects.toThrow(
      'expected plain SGD without weight decay, got adamw',
    )
    const decaying = { kind: 'sgd', learningRate: 0.1, weightDecay: 0.01 } as const
    await expect(train(model, jobFrom(one(3), { optimizer: decaying, correction: one(1) }))).rejects.toThrow(
      'got sgd with 0.01',
    )
    await expect(train(model, jobFrom(one(3), { correction: new Map() }))).rejects.toThrow(
      'expected 1 gradients, got none',
    )
    expect(() =>
      nextControl({ start: one(1), end: one(1), server: one(1), own: undefined, rateSum: 0 }),
    ).toThrow('rateSum')
    const round = { mean: one(1), took: 2, rateSum: 1, agents: { before: 0, after: 1 } }
    expect(() => nextServerControl(one(1), round)).toThrow('at least 2 after the round, got 1')
  })
})

test('a control is the same after a restart, and an adapter is none', () => {
  const control = one(0.1, -3e-20, 7)
  expect(decodeControl(encodeControl(control))).toEqual(control)
  const adapter = encodeSafetensors(new Map([...control].map(([name, tensor]) => [name, rawTensor(tensor)])))
  expect(() => decodeControl(adapter)).toThrow('expected to be a scaffold-control, got none')
})
