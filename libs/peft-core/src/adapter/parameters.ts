/**
 * The tensors that an adapter trains, by method.
 * @module
 */
import { expectBottlenecks } from './bottleneck-weights.js'
import { factorPairs } from './factors.js'
import { vectorPaths } from './ia3-vectors.js'
import type { PeftConfig } from './peft-config.js'
import { expectPrompt } from './prompt-embeddings.js'
import type { TensorMap } from './tensor.js'

/** RangeError names the first tensor that does not belong to the configuration, or that is missing. */
export function expectParameters(config: PeftConfig, tensors: TensorMap): void {
  switch (config.method) {
    case 'lora':
      factorPairs(config, tensors)
      return
    case 'ia3':
      vectorPaths(config, tensors)
      return
    case 'prompt':
      expectPrompt(config, tensors)
      return
    case 'bottleneck':
      expectBottlenecks(config, tensors)
  }
}
