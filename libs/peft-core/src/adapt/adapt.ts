/**
 * A model with the parameters of a PEFT method inserted.
 * @module
 */
import type { PeftConfig } from '../adapter/peft-config.js'
import { targetModules } from '../adapter/target-modules.js'
import type { Graph } from '../graph/graph.js'
import type { ForwardModel, Model } from '../source/model.js'
import { type AppendAdapted, insertAtModules } from './insert.js'
import { loraLayer } from './lora.js'

/**
 * The graph of a forward pass with the trainable tensors of the configuration as further inputs, named by their PEFT keys.
 * RangeError when the configuration targets no module of the model.
 */
export function adapt(
  { outputLayer }: Pick<Model, 'outputLayer'>,
  { graph, modules }: ForwardModel,
  config: PeftConfig,
): Graph {
  const paths = targetModules(
    config,
    modules.map(({ path }) => path),
    outputLayer,
  )
  return insertAtModules(graph, modules, new Map(paths.map((path) => [path, adaptedLayer(config, path)])))
}

function adaptedLayer(config: PeftConfig, path: string): AppendAdapted {
  switch (config.method) {
    case 'lora':
      return loraLayer(config, path)
  }
}
