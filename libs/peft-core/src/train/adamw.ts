/**
 * Adam with decoupled weight decay. Paper: https://arxiv.org/abs/1711.05101
 *
 *   p <- p (1 - lr decay)
 *   m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
 *   p <- p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'

export interface AdamWOptions {
  /** How much of a parameter is taken off at each step, times the learning rate. */
  readonly weightDecay: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Leaves tensors of one axis (biases, norm scales) out of weight decay. */
  readonly decayMatricesOnly?: boolean
}

/** What the optimiser remembers between steps: how many it made, and the moments of each parameter. */
export interface OptimizerState {
  readonly step: number
  /** Of how many of the steps a parameter was frozen, where it was. */
  readonly missed?: ReadonlyMap<string, number>
  readonly first: TensorMap
  readonly second: TensorMap
}

export interface AdamW {
  /** Changes the parameters in place. `gradients` needs an entry of the same size for each parameter that is not frozen. */
  step(gradients: ReadonlyMap<string, Float32Array>, learningRate: number): void
  /** The state to continue from; its arrays keep changing with further steps. */
  state(): OptimizerState
}

/**
 * torch.optim.AdamW over `parameters`, which it changes in place; continues from a copy of `from`. Those of `frozen` keep their values
 * and moments, and the steps that they miss count nowhere.
 */
export function createAdamW(
  parameters: TensorMap,
  options: AdamWOptions,
  from?: OptimizerState,
  frozen: ReadonlySet<string> = new Set(),
): AdamW {
  const first = moments(parameters, from?.first)
  const second = moments(parameters, from?.second)
  const missed = new Map(from?.missed)
  let step = from?.step ?? 0
  return {
    step(gradients, learningRate) {
      step++
      for (const [name, { shape, data }] of parameters) {
        if (frozen.has(name)) {
          missed.set(name, (missed.get(name) ?? 0) + 1)
          continue
        }
        const gradient = expectedGradient(name, data.length, gradients)
        const decays = shape.length > 1 || options.decayMatricesOnly !== true
        const m = (first.get(name) as Tensor).data
        const v = (second.get(name) as Tensor).data
        update(
          { data, gradient, m, v },
          decays ? options : { ...options, weightDecay: 0 },
          learningRate,
          step - (missed.get(name) ?? 0),
        )
      }
    },
    state: () => ({ step, first, second, ...(missed.size === 0 ? {} : { missed }) }),
  }
}

/** The gradient of a parameter of `count` values; RangeError when there is none of that size. */
export function expectedGradient(
  name: string,
  count: number,
  gradients: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const gradient = gradients.get(name)
  if (gradient?.length === count) return gradient
  throw new RangeError(`parameter "${name}" expected ${count} gradients, got ${gradient?.length ?? 'none'}`)
}

interface Arrays {
  readonly data: Float32Array
  readonly gradient: Float32Array
  readonly m: Float32Array
  readonly v: Float32Array
}

function update(
  { data, gradient, m, v }: Arrays,
  options: AdamWOptions,
  learningRate: number,
  step: number,
): void {
  const { beta1, beta2, epsilon, weightDecay } = options
  const keep = 1 - learningRate * weightDecay
  const stepSize = learningRate / (1 - beta1 ** step)
  const spread = 1 / Math.sqrt(1 - beta2 ** step)
  for (let index = 0; index < data.length; index++) {
    const g = gradient[index] as number
    const mean = beta1 * (m[index] as number) + (1 - beta1) * g
    const square = beta2 * (v[index] as number) + (1 - beta2) * g * g
    m[index] = mean
    v[index] = square
    data[index] = (data[index] as number) * keep - (stepSize * mean) / (Math.sqrt(square) * spread + epsilon)
  }
}

function moments(parameters: TensorMap, from: TensorMap | undefined): TensorMap {
  const copies = new Map<string, Tensor>()
  for (const [name, { shape, data }] of parameters) {
    const known = from?.get(name)
    if (from !== undefined && known?.data.length !== data.length) {
      throw new RangeError(
        `the optimiser's state has ${known?.data.length ?? 'no'} moments of "${name}", expected ${data.length}`,
      )
    }
    copies.set(name, {
      shape,
      data: known === undefined ? new Float32Array(data.length) : known.data.slice(),
    })
  }
  return copies
}
