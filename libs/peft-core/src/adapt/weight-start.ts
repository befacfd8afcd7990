/**
 * The factors that a weight of a model starts from and is frozen without, computed from its values.
 * @module
 */
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import { type StartFactors, type Starts, startFactors } from '../adapter/start-factors.js'
import { targetModules } from '../adapter/target-modules.js'
import type { Graph } from '../graph/graph.js'
import { matrixOf } from '../linear-algebra/matrix.js'
import { openModel } from '../source/model.js'
import type { LinearLayer } from '../source/modules.js'
import { baseWeight } from './base-weight.js'

/** The first factors of all layers of a model that a configuration targets; undefined when it does not take them. */
export async function weightStarts(model: string, config: PeftConfig): Promise<Starts | undefined> {
  if (config.method !== 'lora' || config.start === null) return undefined
  const opened = await openModel(model)
  const { graph, modules } = opened.forward({ rows: 1, columns: 2, trainable: false })
  const names = modules.map(({ path }) => path)
  const paths = new Set(targetModules(config, names, opened.outputLayer))
  const starts = new Map<string, StartFactors>()
  for (const module of modules.filter(({ path }) => paths.has(path))) {
    const start = weightStart(graph, module, config)
    if (start !== undefined) starts.set(module.path, start)
  }
  return starts
}

/**
 * The first factors of a layer, when the configuration takes them from the weights. Reads one weight. RangeError when the
 * weight is not stored as one matrix of floating-point values, or the rank is larger than a side of it.
 */
export function weightStart(graph: Graph, module: LinearLayer, config: LoraConfig): StartFactors | undefined {
  if (config.start === null) return undefined
  const { path } = module
  const [rank, shorter] = [rankOf(config, path), Math.min(module.inFeatures, module.outFeatures)]
  if (rank > shorter) {
    throw new RangeError(
      `the start "${config.start}" expected a rank of at most ${shorter} for "${path}", got ${rank}`,
    )
  }
  const matrix = matrixOf(baseWeight(graph, module)) // (O, I)
  return startFactors(matrix, { init: config.start, rank, scaling: scalingOf(config, path) })
}
