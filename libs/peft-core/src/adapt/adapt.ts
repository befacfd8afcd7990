/**
 * A model with the parameters of a PEFT method inserted.
 * @module
 */
import type { ModuleConfig, PeftConfig } from '../adapter/peft-config.js'
import { targetModules } from '../adapter/target-modules.js'
import type { Graph } from '../graph/graph.js'
import type { ForwardModel, Model } from '../source/model.js'
import { doraLayer } from './dora.js'
import { ia3Layer } from './ia3.js'
import { type Insertion, insertAtModules } from './insert.js'
import { loraLayer } from './lora.js'
import { insertPrompt } from './prompt.js'

/**
 * The graph of a forward pass with the trainable tensors of the configuration as further inputs, named by their PEFT keys.
 * A soft prompt expects a pass over its virtual tokens, too: see `hideVirtualTokens`. RangeError when the configuration
 * targets no module of the model.
 */
export function adapt(
  { outputLayer }: Pick<Model, 'outputLayer'>,
  { graph, modules }: Pick<ForwardModel, 'graph' | 'modules'>,
  config: PeftConfig,
): Graph {
  if (config.method === 'prompt') return insertPrompt(graph, config)
  const paths = targetModules(
    config,
    modules.map(({ path }) => path),
    outputLayer,
  )
  return insertAtModules(graph, modules, new Map(paths.map((path) => [path, adaptedLayer(config, path)])))
}

function adaptedLayer(config: ModuleConfig, path: string): Insertion {
  switch (config.method) {
    case 'lora':
      return config.dora ? doraLayer(config, path) : loraLayer(config, path)
    case 'ia3':
      return ia3Layer(config, path)
  }
}
