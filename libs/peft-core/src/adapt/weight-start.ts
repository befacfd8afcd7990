/**
 * The factors that a weight of a model starts from and is frozen without, computed from its values.
 * @module
 */
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import { type StartFactors, startFactors } from '../adapter/start-factors.js'
import type { Graph } from '../graph/graph.js'
import { matrixOf } from '../linear-algebra/matrix.js'
import type { LinearLayer } from '../source/modules.js'
import { baseWeight } from './base-weight.js'

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
