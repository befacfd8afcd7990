/**
 * Feed-forward layers with a gate.
 * @module
 */
import type { Value } from '../graph/graph.js'
import { activation, type Layers, linear } from './layers.js'

export interface FeedForward {
  /** The module's path: `model.layers.0.mlp`. */
  readonly path: string
  readonly x: Value // (N, D)
  readonly activation: string
  readonly bias: boolean
}

/** down_proj(activation(gate_proj x) * up_proj x) -> (N, D) */
export function gatedFeedForward(layers: Layers, { path, x, ...config }: FeedForward): Value {
  const part = (name: string): Value => linear(layers, `${path}.${name}`, x, config.bias)
  const gate = activation(layers, config.activation, part('gate_proj'))
  const gated = layers.builder.op('Mul', [gate, part('up_proj')])
  return linear(layers, `${path}.down_proj`, gated, config.bias)
}
