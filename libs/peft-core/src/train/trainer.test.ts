import { expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import type { OptimizerState } from './adamw.js'
import type { Batch } from './batch.js'
import { encodeOptimizerState, readOptimizerState } from './optimizer-file.js'
import { type TrainingModel, type TrainJob, train } from './trainer.js'

/** One row whose label is the target and whose other labels do not count, or count as copies of it. */
function batch(target: number, copies: number): Batch {
  const labels = Int32Array.from({ length: 4 }, (_, index) => (index < copies ? target : -100))
  return { rows: 1, columns: 4, inputIds: new Int32Array(4), attentionMask: new Int32Array(4), labels }
}

/** loss = (p - target)^2 / 2, gradient p - target; not a number for a batch without labels, as a mean over nothing is. */
const parabola: TrainingModel = {
  task: 'masked',
  async lossAndGradients(parameters, { labels }) {
    const distance =
      (parameters.get('p')?.data[0] as number) - (labels[0] === -100 ? Number.NaN : (labels[0] as number))
    return { loss: distance ** 2 / 2, gradients: new Map([['p', Float32Array.of(distance)]]) }
  },
}

const tensors: TensorMap = new Map([['p', { shape: [1], data: Float32Array.of(2) }]])
const job: TrainJob = {
  tensors,
  batches: [batch(10, 3), batch(-6, 1)],
  optimizer: { learningRate: 0.5, weightDecay: 0, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
  schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 100, firstStep: 0 },
  accumulate: 2,
}

test('batches of one step weigh as much as they have counted tokens', async () => {
  const norms: number[] = []
  const { losses, tokens } = await train(parabola, job, ({ gradNorm }) => norms.push(gradNorm))
  expect(Array.from(losses)).toEqual([(3 * 32 + 1 * 32) / 4])
  expect(norms).toEqual([Math.abs((3 * -8 + 1 * 8) / 4)])
  expect(tokens).toBe(4)
})

test('a batch without counted tokens changes nothing', async () => {
  const { losses, tensors } = await train(parabola, { ...job, batches: [batch(10, 3), batch(0, 0)] })
  expect(Array.from(losses)).toEqual([32])
  expect(tensors.get('p')?.data[0]).toBeCloseTo(2.5, 6) // the first step of Adam is the learning rate, whatever the gradient
})

test('a last step may have fewer batches', async () => {
  const { losses } = await train(parabola, { ...job, batches: [batch(10, 3), batch(-6, 1), batch(4, 2)] })
  expect(losses.length).toBe(2)
  expect(losses[1]).toBeCloseTo(1.5 ** 2 / 2, 6)
})

test('training leaves its job as it was', async () => {
  await train(parabola, job)
  expect(tensors.get('p')?.data).toEqual(Float32Array.of(2))
})

test('the learning rate is the peak times the schedule', async () => {
  const rates: number[] = []
  const schedule = { kind: 'linear', warmupSteps: 4, totalSteps: 10, firstStep: 3 } as const
  await train(parabola, { ...job, accumulate: 1, schedule }, ({ learningRate }) => rates.push(learningRate))
  expect(rates).toEqual([0.375, 0.5])
})

test('a step without any label, and a loss that is not finite, stop training', async () => {
  await expect(train(parabola, { ...job, batches: [batch(0, 0)] })).rejects.toThrow('nothing to learn from')
  const broken = {
    ...parabola,
    lossAndGradients: async () => ({ loss: 3, gradients: new Map([['p', Float32Array.of(Infinity)]]) }),
  }
  await expect(train(broken, job)).rejects.toThrow(
    'diverged at step 1: loss 3, and the gradient of "p" has Infinity',
  )
})

const plain = { kind: 'sgd', learningRate: 0.5, weightDecay: 0.1 } as const

test('plain gradient descent takes off the decay and the gradient, and tells the sum of its rates', async () => {
  const schedule = { kind: 'linear', warmupSteps: 0, totalSteps: 4, firstStep: 2 } as const
  const { tensors, rateSum } = await train(parabola, { ...job, accumulate: 1, optimizer: plain, schedule })
  // rates 0.25 and 0.125: 2 * 0.975 - 0.25 * (2 - 10) = 3.95, then 3.95 * 0.9875 - 0.125 * (3.95 + 6)
  expect(tensors.get('p')?.data[0]).toBeCloseTo(2.656875, 6)
  expect(rateSum).toBe(0.375)
})

test('what is frozen keeps its values and moments, counts in no norm, and goes on as if it had never waited', async () => {
  const pair: TrainingModel = {
    task: 'masked',
    async lossAndGradients(parameters) {
      const [p, q] = ['p', 'q'].map((name) => parameters.get(name)?.data[0] as number) as [number, number]
      const gradients = new Map([
        ['p', Float32Array.of(3)],
        ['q', Float32Array.of(4)],
      ])
      return { loss: 3 * p + 4 * q, gradients }
    },
  }
  const both = new Map([...tensors, ['q', { shape: [1], data: Float32Array.of(7) }]])
  const norms: number[] = []
  const start = { ...job, tensors: both, batches: [batch(1, 2), batch(1, 2)], accumulate: 1, keepState: true }
  const first = await train(pair, { ...start, frozen: ['q'] }, ({ gradNorm }) => norms.push(gradNorm))
  expect(norms).toEqual([3, 3])
  expect(first.tensors.get('q')?.data[0]).toBe(7)
  const kept = await readOptimizerState(encodeOptimizerState(first.optimizer as OptimizerState))
  expect(kept).toEqual(first.optimizer)
  const second = await train(pair, { ...start, tensors: first.tensors, frozen: ['p'], state: kept })
  expect(second.tensors.get('p')).toEqual(first.tensors.get('p'))
  expect(second.optimizer?.first.get('p')).toEqual(first.optimizer?.first.get('p'))
  expect(second.optimizer?.missed).toEqual(
    new Map([
      ['q', 2],
      ['p', 2],
    ]),
  )
  const alone = await train(pair, { ...start, frozen: ['p'] })
  expect(second.tensors.get('q')).toEqual(alone.tensors.get('q'))
  await expect(train(pair, { ...start, frozen: ['z'] })).rejects.toThrow(
    'frozen expected names of parameters, got "z"',
  )
})
