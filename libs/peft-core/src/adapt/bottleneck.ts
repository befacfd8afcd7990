/**
 * Bottleneck adapters: what a module gives, h, becomes h + W_up f(W_down h + b_down) + b_up.
 * Paper: https://arxiv.org/abs/1902.00751
 *
 * Sizes used below: N = tokens, O = outputs of the module, R = size of the bottleneck.
 * @module
 */
import type { BottleneckConfig, NonLinearity } from '../adapter/bottleneck-config.js'
import { bottleneckKeys } from '../adapter/bottleneck-weights.js'
import type { GraphBuilder } from '../graph/builder.js'
import { int, type Value } from '../graph/graph.js'
import { appendFrozen, appendOutput, type Insertion } from './insert.js'

/** What is inserted after the layer of a path. */
export function bottleneckLayer({ size, nonLinearity }: BottleneckConfig, path: string): Insertion {
  return {
    at: 'output',
    append(site) {
      const { builder, module } = site
      const keys = bottleneckKeys(path)
      const h = appendFrozen(site) // (N, O), or more axes
      const down = builder.input(keys.down, 'float32', [size, module.outFeatures])
      const downBias = builder.input(keys.downBias, 'float32', [size])
      const up = builder.input(keys.up, 'float32', [module.outFeatures, size])
      const upBias = builder.input(keys.upBias, 'float32', [module.outFeatures])
      const narrow = linear(builder, h, { weight: down, bias: downBias }) // (N, R)
      const change = linear(builder, activated(builder, nonLinearity, narrow), { weight: up, bias: upBias })
      appendOutput(site, { op: 'Add', inputs: [h.name, change.name], attributes: {} })
    },
  }
}

/** x W^T + b */
function linear(
  builder: GraphBuilder,
  x: Value,
  { weight, bias }: { readonly weight: Value; readonly bias: Value },
): Value {
  const attributes = { transB: int(1) }
  if (x.shape.length === 2) return builder.op('Gemm', [x, weight, bias], { attributes })
  return builder.op('Add', [
    builder.op('FusedMatMul', [x, weight], { domain: 'com.microsoft', attributes }),
    bias,
  ])
}

function activated(builder: GraphBuilder, nonLinearity: NonLinearity, x: Value): Value {
  switch (nonLinearity) {
    case 'relu':
      return builder.op('Relu', [x])
    case 'gelu':
      return builder.op('Gelu', [x], { domain: 'com.microsoft' })
    case 'silu':
      return builder.op('Mul', [x, builder.op('Sigmoid', [x])])
    case 'tanh':
      return builder.op('Tanh', [x])
  }
}
