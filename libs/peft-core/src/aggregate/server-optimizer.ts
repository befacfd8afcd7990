/**
 * Optimisers of the coordinator: they take the aggregated change D of a round (new - old) for a gradient that points the other way.
 * Papers: https://arxiv.org/abs/1909.06335 (FedAvgM), https://arxiv.org/abs/2003.00295 (FedAdagrad, FedAdam, FedYogi)
 *
 *   FedAvgM      v <- beta v + D                                  x <- x + eta v
 *   the others   m <- beta1 m + (1 - beta1) D                     x <- x + eta m / (sqrt(v) + tau),  v = tau^2 at first
 *     FedAdagrad   v <- v + D^2
 *     FedAdam      v <- beta2 v + (1 - beta2) D^2
 *     FedYogi      v <- v - (1 - beta2) D^2 sign(v - D^2)
 *
 * FedAvgM is the momentum of torch.optim.SGD, not an average of changes. The moments are not corrected for their start unless that is
 * asked for.
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'

export interface MomentumOptimizer {
  readonly optimizer: 'fedavgm'
  readonly learningRate: number // eta; 1 with momentum 0 is plain averaging
  readonly momentum: number // beta, in [0, 1)
}

export interface AdagradOptimizer {
  readonly optimizer: 'fedadagrad'
  readonly learningRate: number // eta
  readonly beta1: number // in [0, 1)
  /** Keeps small changes small: where |D| is far below it, a step is about eta D / (2 tau). */
  readonly tau: number
}

export interface AdaptiveOptimizer extends Omit<AdagradOptimizer, 'optimizer'> {
  readonly optimizer: 'fedadam' | 'fedyogi'
  readonly beta2: number // in [0, 1)
  /** Divides m by 1 - beta1^t and v by 1 - beta2^t, t rounds of a tensor; false unless stated, as in the paper. */
  readonly biasCorrection?: boolean
}

export type ServerOptimizer = MomentumOptimizer | AdagradOptimizer | AdaptiveOptimizer

export const serverOptimizers = [
  'fedavgm',
  'fedadagrad',
  'fedadam',
  'fedyogi',
] as const satisfies readonly ServerOptimizer['optimizer'][]

/**
 * Values to begin with for adapters. A step of the adaptive ones is at most about eta long in each value, so eta is like a learning rate of
 * training.
 */
export const serverDefaults = {
  fedavgm: { learningRate: 1, momentum: 0.9 },
  fedadagrad: { learningRate: 1e-2, beta1: 0, tau: 1e-3 },
  fedadam: { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, tau: 1e-3 },
  fedyogi: { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, tau: 1e-3 },
} as const

/** What is remembered of one tensor: the moments, and in how many rounds it changed. */
export interface Moments {
  readonly rounds: number
  readonly first: Float64Array // v of FedAvgM, else m
  readonly second: Float64Array // v; empty with FedAvgM
}

/** What an optimiser remembers between rounds. A tensor that was never trained has no entry. */
export interface ServerState {
  readonly optimizer: ServerOptimizer['optimizer']
  readonly moments: ReadonlyMap<string, Moments>
}

/** The aggregated change of each tensor that was trained; a tensor that it lacks was frozen in this round. */
export type Change = ReadonlyMap<string, Float64Array>

/**
 * The adapter after a round, and what to remember for the next. A frozen tensor stays as it is, and so do its moments, as
 * alternating factors (RoLoRA) need it. Computed in float64 and rounded once; nothing that was given is changed.
 *
 * RangeError when a setting is out of its range, the state is another optimiser's, a change has another size than its tensor, or
 * a value of it or of the result is not finite.
 */
export function serverStep(
  options: ServerOptimizer,
  { base, change }: { readonly base: TensorMap; readonly change: Change },
  state?: ServerState,
): { readonly tensors: TensorMap; readonly state: ServerState } {
  expectOptions(options)
  const { optimizer } = options
  if (state !== undefined && state.optimizer !== optimizer)
    throw new RangeError(`the optimiser's state expected to be of ${optimizer}, got ${state.optimizer}`)
  const tensors = new Map(base)
  const moments = new Map(state?.moments)
  for (const [name, values] of change) {
    const tensor = base.get(name)
    if (tensor?.data.length !== values.length)
      throw new RangeError(
        `the change of "${name}" expected ${tensor?.data.length ?? 'no'} values, got ${values.length}`,
      )
    const next = moved(options, values, moments.get(name))
    moments.set(name, next.moments)
    tensors.set(name, added(name, tensor, next.step))
  }
  return { tensors, state: { optimizer, moments } }
}

/** new - old, in float64, of the tensors of `after`. */
export function changeBetween(base: TensorMap, after: TensorMap): Change {
  return new Map(
    [...after].map(([name, { data }]) => {
      const old = base.get(name)?.data
      if (old?.length !== data.length)
        throw new RangeError(`tensor "${name}" expected ${old?.length ?? 'no'} values, got ${data.length}`)
      return [name, Float64Array.from(data, (value, at) => value - (old[at] as number))]
    }),
  )
}

interface Moved {
  readonly step: Float64Array
  readonly moments: Moments
}

function moved(options: ServerOptimizer, change: Float64Array, from: Moments | undefined): Moved {
  const count = change.length
  const rounds = (from?.rounds ?? 0) + 1
  const first = from?.first.slice() ?? new Float64Array(count)
  expectLength(first, count)
  const step = new Float64Array(count)
  if (options.optimizer === 'fedavgm') {
    for (let at = 0; at < count; at++) {
      first[at] = options.momentum * (first[at] as number) + (change[at] as number)
      step[at] = options.learningRate * (first[at] as number)
    }
    return { step, moments: { rounds, first, second: new Float64Array(0) } }
  }
  const { learningRate, beta1, tau } = options
  const second = from?.second.slice() ?? new Float64Array(count).fill(tau * tau)
  expectLength(second, count)
  const { squared, fairFirst, fairSecond } = rulesOf(options, rounds)
  for (let at = 0; at < count; at++) {
    const d = change[at] as number
    first[at] = beta1 * (first[at] as number) + (1 - beta1) * d
    second[at] = squared(second[at] as number, d * d)
    const spread = Math.sqrt((second[at] as number) / fairSecond) + tau
    step[at] = (learningRate * (first[at] as number)) / fairFirst / spread
  }
  return { step, moments: { rounds, first, second } }
}

interface Rules {
  squared(v: number, square: number): number
  readonly fairFirst: number // what m is divided by
  readonly fairSecond: number
}

function rulesOf(options: AdagradOptimizer | AdaptiveOptimizer, rounds: number): Rules {
  if (options.optimizer === 'fedadagrad')
    return { squared: (v, square) => v + square, fairFirst: 1, fairSecond: 1 }
  const { beta1, beta2, biasCorrection = false } = options
  const squared: Rules['squared'] =
    options.optimizer === 'fedadam'
      ? (v, square) => beta2 * v + (1 - beta2) * square
      : (v, square) => v - (1 - beta2) * square * Math.sign(v - square)
  if (!biasCorrection) return { squared, fairFirst: 1, fairSecond: 1 }
  return { squared, fairFirst: 1 - beta1 ** rounds, fairSecond: 1 - beta2 ** rounds }
}

function added(name: string, { shape, data }: Tensor, step: Float64Array): Tensor {
  const result = new Float32Array(data.length)
  for (let at = 0; at < result.length; at++) {
    result[at] = (data[at] as number) + (step[at] as number)
    if (!Number.isFinite(result[at]))
      throw new RangeError(
        `${name}[${at}] expected a finite value after the server's step, got ${result[at]}`,
      )
  }
  return { shape, data: result }
}

function expectLength(values: Float64Array, count: number): void {
  if (values.length !== count)
    throw new RangeError(`the optimiser's state expected ${count} moments, got ${values.length}`)
}

function expectOptions(options: ServerOptimizer): void {
  const { learningRate } = options
  if (!(learningRate > 0 && learningRate < Number.POSITIVE_INFINITY))
    throw new RangeError(`learningRate expected a number above 0, got ${learningRate}`)
  if (options.optimizer === 'fedavgm') {
    expectDecay('momentum', options.momentum)
    return
  }
  expectDecay('beta1', options.beta1)
  if (options.optimizer !== 'fedadagrad') expectDecay('beta2', options.beta2)
  if (!(options.tau > 0 && options.tau < Number.POSITIVE_INFINITY))
    throw new RangeError(`tau expected a number above 0, got ${options.tau}`)
}

function expectDecay(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new RangeError(`${name} expected a number in [0, 1), got ${value}`)
}
