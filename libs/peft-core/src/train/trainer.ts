/**
 * The training loop: the same batches, parameters and options give the same bytes.
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'
import type { Task } from '../source/task.js'
import type { OptimizerState } from './adamw.js'
import type { Batch, Batches } from './batch.js'
import { clipGradients } from './clip.js'
import { countedTokens } from './counted.js'
import { createOptimizer, type OptimizerOptions } from './optimizer.js'
import { addProximal, type Proximal } from './proximal.js'
import { createRandom, type Random } from './random.js'
import { type Schedule, scheduleFactor } from './schedule.js'

export interface TrainJob {
  /** The parameters to start from, by name. */
  readonly tensors: TensorMap
  /** Taken as they are needed; training ends when there are no more. */
  readonly batches: Batches
  /** `clipNorm` is the greatest global L2 norm of a step's gradients; absent, they are not clipped. */
  readonly optimizer: OptimizerOptions & { readonly learningRate: number; readonly clipNorm?: number }
  readonly schedule: Schedule
  /** Batches of one optimiser step. */
  readonly accumulate: number
  /** Frozen factors beside the trained ones, by the same names: of a model that was opened with their ranks. */
  readonly side?: TensorMap
  /** Parameters that keep their values. */
  readonly frozen?: readonly string[]
  /** A pull towards where training began. It counts with the gradients, and not with the losses that are told. */
  readonly proximal?: Proximal
  /** What is added to the gradients of each step after they were clipped: of SCAFFOLD, so it needs plain SGD. */
  readonly correction?: TensorMap
  /** Continues the optimiser of an earlier job. */
  readonly state?: OptimizerState
  /** What dropout draws from, with the number of the step: steps that are continued drop what they would have; 0 unless stated. */
  readonly dropoutSeed?: number
  /** Gives the optimiser's state back with the result. */
  readonly keepState?: boolean
  /**
   * After how many steps of the whole run the state comes with the progress. When training diverges, its last good step is
   * reported once more with its state.
   */
  readonly checkpointEvery?: number
}

export interface StepProgress {
  /** Counted from 0 in this job. */
  readonly step: number
  /** Nats per counted token, before the step. */
  readonly loss: number
  readonly tokensPerSecond: number
  /** Global L2 norm before clipping. */
  readonly gradNorm: number
  readonly learningRate: number
  /** All that the steps after this one depend on; its arrays keep changing. */
  readonly checkpoint?: { readonly tensors: TensorMap; readonly optimizer: OptimizerState }
}

export interface TrainResult {
  readonly tensors: TensorMap
  /** The loss of each step. */
  readonly losses: Float32Array
  readonly seconds: number
  /** Predictions that the losses were taken over. */
  readonly tokens: number
  /** The sum of the learning rates of the steps. */
  readonly rateSum: number
  readonly optimizer?: OptimizerState
}

/** The mean loss of a batch over its counted tokens, and its gradient by parameter. */
export interface LossAndGradients {
  readonly loss: number
  readonly gradients: ReadonlyMap<string, Float32Array>
}

export interface TrainingModel {
  readonly task: Task
  /** How many trained embeddings stand before each row; none unless stated. */
  readonly virtualTokens?: number
  /** `random` is what dropout draws from. */
  lossAndGradients(parameters: TensorMap, batch: Batch, random: Random): Promise<LossAndGradients>
}

/**
 * Trains a copy of `job.tensors` and returns it. Every step: gradients of `accumulate` batches, weighted by their counted
 * tokens; the proximal pull; clip; the correction; the optimiser. RangeError, naming the step and the tensor, when a loss or a gradient
 * is not finite, or when there is a correction without plain SGD.
 */
export async function train(
  model: TrainingModel,
  job: TrainJob,
  onStep: (progress: StepProgress) => void = () => {},
): Promise<TrainResult> {
  const { accumulate, batches, optimizer, schedule } = job
  const tensors = new Map(
    [...job.tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  )
  const frozen = new Set(job.frozen)
  const stepper = createOptimizer(tensors, optimizer, { from: job.state, frozen })
  expectPlain(job)
  const losses: number[] = []
  const startedMs = performance.now()
  let tokens = 0
  let rateSum = 0
  let last: StepProgress | undefined
  const checkpoint = () => ({ tensors, optimizer: stepper.state() })
  for await (const group of groups(batches, accumulate)) {
    const stepStartedMs = performance.now()
    const step = losses.length
    const drawn = (index: number): Random =>
      createRandom(job.dropoutSeed ?? 0, `dropout ${(job.state?.step ?? 0) + step} ${index}`)
    const { loss, gradients, counted } = await meanGradients(model, { parameters: tensors, drawn }, group)
    const fault = faultOf(loss, gradients)
    if (fault !== undefined) {
      if (last !== undefined && job.checkpointEvery !== undefined)
        onStep({ ...last, checkpoint: checkpoint() })
      throw new RangeError(
        `training diverged at step ${schedule.firstStep + step + 1}: ${fault}; lower the learning rate, or check the data and the adapter`,
      )
    }
    for (const name of frozen) gradients.delete(name)
    if (job.proximal !== undefined) addProximal(gradients, tensors, { anchor: job.tensors, ...job.proximal })
    const gradNorm = clipGradients(gradients.values(), optimizer.clipNorm ?? Number.POSITIVE_INFINITY)
    const learningRate = optimizer.learningRate * scheduleFactor(schedule, step)
    for (const [name, gradient] of job.correction === undefined ? [] : gradients)
      addScaled(gradient, job.correction?.get(name)?.data, 1, name)
    stepper.step(gradients, learningRate)
    losses.push(loss)
    rateSum += learningRate
    tokens += counted
    const tokensPerSecond = (counted * 1000) / (performance.now() - stepStartedMs)
    last = { step, loss, tokensPerSecond, gradNorm, learningRate }
    const isDue = (schedule.firstStep + step + 1) % (job.checkpointEvery ?? Number.POSITIVE_INFINITY) === 0
    onStep(isDue ? { ...last, checkpoint: checkpoint() } : last)
  }
  const seconds = (performance.now() - startedMs) / 1000
  const state = job.keepState === true ? { optimizer: stepper.state() } : {}
  return { tensors, losses: Float32Array.from(losses), seconds, tokens, rateSum, ...state }
}

function expectPlain({ correction, optimizer }: TrainJob): void {
  if (correction === undefined || (optimizer.kind === 'sgd' && optimizer.weightDecay === 0)) return
  throw new RangeError(
    `a correction expected plain SGD without weight decay, got ${optimizer.kind ?? 'adamw'}${optimizer.kind === 'sgd' ? ` with ${optimizer.weightDecay}` : ''}: under it the steps do not tell the mean gradient`,
  )
}

/** The batches of one step after the other; the last step may have fewer. */
async function* groups(batches: Batches, size: number): AsyncGenerator<readonly Batch[]> {
  let group: Batch[] = []
  for await (const batch of batches) {
    group.push(batch)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

async function meanGradients(
  model: TrainingModel,
  { parameters, drawn }: { readonly parameters: TensorMap; readonly drawn: (index: number) => Random },
  batches: readonly Batch[],
): Promise<{
  readonly loss: number
  readonly gradients: Map<string, Float32Array>
  readonly counted: number
}> {
  const counts = batches.map((batch) => countedTokens(batch, model.task, model.virtualTokens))
  const counted = counts.reduce((sum, count) => sum + count, 0)
  if (counted === 0) throw new RangeError('every label of a step is ignored; it has nothing to learn from')
  const sums = new Map([...parameters].map(([name, { data }]) => [name, new Float32Array(data.length)]))
  let mean = 0
  for (const [index, batch] of batches.entries()) {
    const share = (counts[index] as number) / counted
    if (share === 0) continue // the mean over no tokens is not a number
    const { loss, gradients } = await model.lossAndGradients(parameters, batch, drawn(index))
    mean += share * loss
    for (const [name, sum] of sums) addScaled(sum, gradients.get(name), share, name)
  }
  return { loss: mean, gradients: sums, counted }
}

function addScaled(sum: Float32Array, gradient: Float32Array | undefined, share: number, name: string): void {
  if (gradient?.length !== sum.length) {
    throw new RangeError(
      `parameter "${name}" expected ${sum.length} gradients, got ${gradient?.length ?? 'none'}`,
    )
  }
  for (let index = 0; index < sum.length; index++) {
    sum[index] = (sum[index] as number) + share * (gradient[index] as number)
  }
}

/** What is not finite: the loss, or the gradient of the first parameter that has one. */
function faultOf(loss: number, gradients: ReadonlyMap<string, Float32Array>): string | undefined {
  if (!Number.isFinite(loss)) return `loss ${loss}`
  for (const [name, gradient] of gradients) {
    const value = gradient.find((number) => !Number.isFinite(number))
    if (value !== undefined) return `loss ${loss}, and the gradient of "${name}" has ${value}`
  }
  return undefined
}
