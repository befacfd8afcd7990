/**
 * Low-rank adaptation of linear layers: y = W x + scaling * B (A x), with W frozen and A, B as graph inputs.
 * Paper: https://arxiv.org/abs/2106.09685
 *
 * Sizes used below: N = tokens, I = inputs, O = outputs, R = rank.
 * @module
 */
import { factorKey } from '../adapter/factors.js'
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import { float, int } from '../graph/graph.js'
import { appendFrozen, appendOutput, type Insertion, inputOf } from './insert.js'

/** What is inserted at the layer of a path. */
export function loraLayer(config: LoraConfig, path: string): Insertion {
  const rank = rankOf(config, path)
  const scaling = scalingOf(config, path)
  return {
    at: 'product',
    append(site) {
      const { builder, module } = site
      const x = inputOf(site) // (N, I), or more axes
      const frozen = appendFrozen(site) // (N, O), or more axes
      const a = builder.input(factorKey(path, 'A'), 'float32', [rank, module.inFeatures])
      const b = builder.input(factorKey(path, 'B'), 'float32', [module.outFeatures, rank])
      const contrib = { domain: 'com.microsoft', module: path } as const
      const low = builder.op('FusedMatMul', [x, a], { ...contrib, attributes: { transB: int(1) } }) // (N, R)
      const attributes = { transB: int(1), alpha: float(scaling) }
      if (frozen.shape.length === 2) {
        appendOutput(site, { op: 'Gemm', inputs: [low.name, b.name, frozen.name], attributes })
        return
      }
      const change = builder.op('FusedMatMul', [low, b], { ...contrib, attributes })
      appendOutput(site, { op: 'Add', inputs: [frozen.name, change.name], attributes: {} })
    },
  }
}
