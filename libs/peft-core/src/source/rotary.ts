/**
 * Rotary position embedding in a graph.
 * @module
 */

import { int, type Value } from '../graph/graph.js'
import { positionsAfterCache } from './growing-text.js'
import { type Layers, reachOf } from './layers.js'
import { type Rope, rotaryAmplitude, rotaryAngles } from './rope.js'

/** Tables for S positions, those of the cache and the batch; twice P is the width that is turned. */
export interface Rotary {
  readonly positions: Value // (1): the position of the first token, or (B, T): of each
  readonly cosines: Value // (S, P)
  readonly sines: Value // (S, P)
}

export function rotaryTables(layers: Layers, rope: Rope, headWidth: number): Rotary {
  const { builder, positionIds } = layers
  const reach = reachOf(layers)
  const angles = rotaryAngles(rope, headWidth, reach)
  const amplitude = rotaryAmplitude(rope)
  const shape = [reach, angles.length / reach]
  const table = (wave: (angle: number) => number): Value =>
    builder.constant(
      Array.from(angles, (angle) => amplitude * wave(angle)),
      'float32',
      shape,
    )
  const positions = positionIds ?? positionsAfterCache(layers) ?? builder.constant([0], 'int64')
  return { positions, cosines: table(Math.cos), sines: table(Math.sin) }
}

/** Turns the front of each head of x (B, H, T, W), as far as the tables are wide; the rest passes. */
export function rotate({ builder }: Layers, x: Value, { positions, cosines, sines }: Rotary): Value {
  const turn = (front: Value): Value =>
    builder.op('RotaryEmbedding', [front, positions, cosines, sines], { domain: 'com.microsoft' })
  const [width, turned] = [x.shape[3] as number, 2 * (cosines.shape[1] as number)]
  if (turned === width) return turn(x)
  const sides = builder.constant([turned, width - turned], 'int64')
  const [front, rest] = builder.ops('Split', [x, sides], { attributes: { axis: int(3) }, outputs: 2 })
  return builder.op('Concat', [turn(front as Value), rest], { attributes: { axis: int(3) } })
}
