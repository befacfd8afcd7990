/**
 * Differentially private training by example: DP-SGD, with any optimiser, which only sees the noisy sums.
 * Paper: https://arxiv.org/abs/1607.00133
 *
 *   g <- (sum over the examples of a step of g_i min(1, C / ||g_i||) + N(0, (z C)^2)) / expected examples
 *
 * The norm of g_i is joint over all trained tensors. The divisor is a constant, so that it says nothing about how many examples
 * took part; a step without examples still takes its noise.
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import type { TensorMap } from '../adapter/tensor.js'
import type { OptimizerState } from './adamw.js'
import type { Batch } from './batch.js'
import { sumClipped } from './clipped-sum.js'
import type { ClippingModel, ClippingOptions } from './clipping.js'
import { createOptimizer, type OptimizerOptions } from './optimizer.js'
import { type Schedule, scheduleFactor } from './schedule.js'

/** Steps of a private training: each is the micro-batches of the examples that take part, or none. */
export type PrivateSteps = Iterable<Iterable<Batch>> | AsyncIterable<Iterable<Batch>>

export interface PrivateTrainJob extends ClippingOptions {
  /** The parameters to start from, by name. */
  readonly tensors: TensorMap
  readonly steps: PrivateSteps
  /** How many examples take part in a step on average: what the noisy sum is divided by. */
  readonly expectedExamples: number
  /** The standard deviation of the noise on a sum is this times `clip`. */
  readonly noiseMultiplier: number
  /** Adds independent normal noise of a standard deviation to numbers, from a generator that nobody can foresee. */
  readonly addNoise: (sums: Float64Array, stdDev: number) => void | Promise<void>
  readonly optimizer: OptimizerOptions & { readonly learningRate: number }
  readonly schedule: Schedule
  /** Continues the optimiser of an earlier job. */
  readonly state?: OptimizerState | undefined
}

/** What may be told of a step without telling of the data. */
export interface PrivateStep {
  /** Counted from 0 in this job. */
  readonly step: number
  readonly learningRate: number
}

export interface PrivateTrainResult {
  readonly tensors: TensorMap
  readonly seconds: number
  readonly steps: number
  readonly optimizer: OptimizerState
}

/**
 * Trains a copy of `job.tensors` and returns it. No loss and no norm of a step leaves it: those are exact numbers about private data.
 * RangeError, naming the step and the tensor, when a sum is not finite, and for settings with which nothing would be private.
 */
export async function trainPrivately(
  model: ClippingModel,
  job: PrivateTrainJob,
  onStep: (step: PrivateStep) => void = () => {},
): Promise<PrivateTrainResult> {
  const { clip, noiseMultiplier, expectedExamples, optimizer, schedule, frozen = [], side } = job
  for (const [name, value] of Object.entries({ clip, noiseMultiplier, expectedExamples }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new RangeError(`${name} expected a finite number above 0, got ${value}`)
  const tensors = new Map(
    [...job.tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  )
  const stepper = createOptimizer(tensors, optimizer, { from: job.state, frozen: new Set(frozen) })
  const startedMs = performance.now()
  let step = 0
  for await (const batches of job.steps) {
    const number = schedule.firstStep + step + 1
    const sums = await sumClipped(model, { tensors, batches, step: number, clip, frozen, side })
    const gradients = new Map<string, Float32Array>()
    for (const [name, sum] of sums) {
      await job.addNoise(sum, noiseMultiplier * clip)
      await setImmediate() // whoever else lives in this process gets its turn
      gradients.set(
        name,
        Float32Array.from(sum, (value) => value / expectedExamples),
      )
    }
    const learningRate = optimizer.learningRate * scheduleFactor(schedule, step)
    stepper.step(gradients, learningRate)
    onStep({ step, learningRate })
    step++
  }
  const seconds = (performance.now() - startedMs) / 1000
  return { tensors, seconds, steps: step, optimizer: stepper.state() }
}
