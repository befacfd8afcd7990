import { describe, expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import { addProximal } from './proximal.js'
import { type TrainingModel, type TrainJob, train } from './trainer.js'

const one = (values: readonly number[]): TensorMap =>
  new Map([['p', { shape: [values.length], data: Float32Array.from(values) }]])

/** loss = (p - 6)^2 / 2 in each value. */
const parabola: TrainingModel = {
  task: 'masked',
  async lossAndGradients(parameters) {
    const distances = parameters.get('p')!.data.map((value) => value - 6)
    return {
      loss: distances.reduce((sum, d) => sum + (d * d) / 2, 0),
      gradients: new Map([['p', distances]]),
    }
  },
}

const batch = {
  rows: 1,
  columns: 2,
  inputIds: new Int32Array(2),
  attentionMask: new Int32Array(2),
  labels: Int32Array.of(1, 1),
}

const job = (steps: number, more: Partial<TrainJob> = {}): TrainJob => ({
  tensors: one([2, -4]),
  batches: Array.from({ length: steps }, () => batch),
  optimizer: { kind: 'sgd', learningRate: 0.25, weightDecay: 0 },
  schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 100, firstStep: 0 },
  accumulate: 1,
  ...more,
})

describe('addProximal', () => {
  test('adds mu (w - w_0) to each gradient', () => {
    const gradients = new Map([['p', Float32Array.of(0.5, -1)]])
    addProximal(gradients, one([3, -2]), { strength: 0.25, anchor: one([1, 4]) })
    expect([...gradients.get('p')!]).toEqual([0.5 + 0.25 * 2, -1 + 0.25 * -6])
  })

  test('a negative strength and an anchor of another size are refused', () => {
    const gradients = new Map([['p', Float32Array.of(0.5)]])
    expect(() => addProximal(gradients, one([3]), { strength: -0.1, anchor: one([3]) })).toThrow('got -0.1')
    expect(() => addProximal(gradients, one([3]), { strength: 0.1, anchor: one([3, 4]) })).toThrow(
      'the anchor expected 1 values of "p", got 2',
    )
  })
})

describe('training with a proximal pull', () => {
  test('two steps of 0.25 at mu 0.5 are those of the formula', async () => {
    const { tensors } = await train(parabola, job(2, { proximal: { strength: 0.5 } }))
    // 2 -> 2 + 0.25 * 4 = 3 -> 3 - 0.25 (-3 + 0.5 * 1) = 3.625; -4 -> -1.5 -> -1.5 - 0.25 (-7.5 + 0.5 * 2.5)
    expect([...tensors.get('p')!.data]).toEqual([3.625, 0.0625])
  })

  test('it ends where loss and pull balance: (6 + mu w_0) / (1 + mu)', async () => {
    const { tensors, losses } = await train(parabola, job(60, { proximal: { strength: 3 } }))
    expect(tensors.get('p')!.data[0]).toBeCloseTo((6 + 3 * 2) / 4, 6)
    expect(losses.at(-1)).toBeCloseTo(3 ** 2 / 2 + 7.5 ** 2 / 2, 4) // the loss alone is told
  })

  test('a job that goes on states where the first began', async () => {
    const whole = await train(parabola, job(5, { proximal: { strength: 0.5 } }))
    const half = await train(parabola, job(2, { proximal: { strength: 0.5 } }))
    const proximal = { strength: 0.5, anchor: one([2, -4]) }
    const rest = await train(parabola, job(3, { tensors: half.tensors, proximal }))
    expect(rest.tensors).toEqual(whole.tensors)
  })

  test('with mu 0 the bytes are those of plain training', async () => {
    const optimizer = { learningRate: 0.1, weightDecay: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }
    const [plain, zero] = await Promise.all([
      train(parabola, job(7, { optimizer })),
      train(parabola, job(7, { optimizer, proximal: { strength: 0 } })),
    ])
    expect(zero.tensors).toEqual(plain.tensors)
  })
})
