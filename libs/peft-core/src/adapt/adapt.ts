/**
 * A model with the parameters of a PEFT method inserted.
 * @module
 */
import type { BottleneckConfig } from '../adapter/bottleneck-config.js'
import type { Ia3Config } from '../adapter/ia3-config.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import { adaptablePaths } from '../adapter/saved-modules.js'
import type { SideRanks } from '../adapter/side.js'
import type { Starts } from '../adapter/start-factors.js'
import { targetModules } from '../adapter/target-modules.js'
import type { Graph } from '../graph/graph.js'
import type { ForwardModel, Model } from '../source/model.js'
import { bottleneckLayer } from './bottleneck.js'
import { ia3Layer } from './ia3.js'
import { type Insertion, insertAtModules } from './insert.js'
import { insertLora } from './lora-model.js'
import { insertPrompt } from './prompt.js'
import { insertSaved, savedParameters } from './saved-modules.js'

/** A forward pass; without stacked parameters of experts unless it lists them. */
export type AdaptedModel = Pick<ForwardModel, 'graph' | 'modules'> &
  Partial<Pick<ForwardModel, 'expertParameters'>>

export interface AdaptOptions extends Pick<Model, 'outputLayer'> {
  /** Whether inputs are dropped as the configuration says: for training steps only. */
  readonly dropout?: boolean
  /** The first factors of modules that start from the weights, where they are known. */
  readonly starts?: Starts | undefined
  /** Ranks of frozen LoRA factors beside the trained ones, by module. */
  readonly side?: SideRanks | undefined
}

/**
 * The graph of a forward pass with the trainable tensors of the configuration as further inputs, named by their PEFT keys.
 * A soft prompt expects a pass over its virtual tokens, too: see `hideVirtualTokens`. RangeError when the configuration
 * targets no module of the model.
 */
export function adapt(
  { outputLayer, dropout = false, starts, side }: AdaptOptions,
  forward: AdaptedModel,
  config: PeftConfig,
): Graph {
  if (config.method === 'lora') return insertLora(forward, config, { outputLayer, dropout, starts, side })
  if (side !== undefined)
    throw new RangeError(`frozen factors expected to stand beside those of lora, got ${config.method}`)
  const { modules } = forward
  const graph = insertSaved(forward.graph, savedParameters(forward, config))
  switch (config.method) {
    case 'prompt':
      return insertPrompt(graph, config)
    case 'ia3':
    case 'bottleneck': {
      const paths = targetModules(config, adaptablePaths(config, modules), outputLayer)
      const layers = paths.map((path) => [path, insertionAt(config, path)] as const)
      return insertAtModules(graph, modules, new Map(layers))
    }
  }
}

function insertionAt(config: Ia3Config | BottleneckConfig, path: string): Insertion {
  return config.method === 'ia3' ? ia3Layer(config, path) : bottleneckLayer(config, path)
}
