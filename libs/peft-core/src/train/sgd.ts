/**
 * Plain stochastic gradient descent: torch.optim.SGD without momentum.
 *
 *   p <- p (1 - lr decay) - lr g
 *
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'
import { expectedGradient, type OptimizerState } from './adamw.js'

export interface SgdOptions {
  readonly kind: 'sgd'
  /** How much of a parameter is taken off at each step, times the learning rate. */
  readonly weightDecay: number
}

/** Changes `parameters` in place, but for those of `frozen`. It remembers nothing but how many steps it made. */
export function createSgd(
  parameters: TensorMap,
  { weightDecay }: SgdOptions,
  { from, frozen }: { readonly from?: OptimizerState | undefined; readonly frozen: ReadonlySet<string> },
): {
  step(gradients: ReadonlyMap<string, Float32Array>, learningRate: number): void
  state(): OptimizerState
} {
  let step = from?.step ?? 0
  return {
    step(gradients, learningRate) {
      step++
      const keep = 1 - learningRate * weightDecay
      for (const [name, { data }] of parameters) {
        if (frozen.has(name)) continue
        const gradient = expectedGradient(name, data.length, gradients)
        for (let at = 0; at < data.length; at++)
          data[at] = (data[at] as number) * keep - learningRate * (gradient[at] as number)
      }
    },
    state: () => ({ step, first: new Map(), second: new Map() }),
  }
}
