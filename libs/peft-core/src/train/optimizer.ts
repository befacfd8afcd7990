import type { TensorMap } from '../adapter/tensor.js'
import { type AdamWOptions, createAdamW, type OptimizerState } from './adamw.js'
import { createSgd, type SgdOptions } from './sgd.js'

/** AdamW unless stated. */
export type OptimizerOptions = ({ readonly kind?: 'adamw' } & AdamWOptions) | SgdOptions

export interface Optimizer {
  /** Changes the parameters in place. `gradients` needs an entry of the same size for each parameter that is not frozen. */
  step(gradients: ReadonlyMap<string, Float32Array>, learningRate: number): void
  /** The state to continue from; its arrays keep changing with further steps. */
  state(): OptimizerState
}

/**
 * The optimiser of `parameters`, which it changes in place; it continues from a copy of `from`. What is frozen keeps its values, and what
 * is remembered of it waits.
 */
export function createOptimizer(
  parameters: TensorMap,
  options: OptimizerOptions,
  more: { readonly from?: OptimizerState | undefined; readonly frozen: ReadonlySet<string> },
): Optimizer {
  for (const name of more.frozen)
    if (!parameters.has(name)) throw new RangeError(`frozen expected names of parameters, got "${name}"`)
  return options.kind === 'sgd'
    ? createSgd(parameters, options, more)
    : createAdamW(parameters, options, more.from, more.frozen)
}
