/**
 * Keys and values of earlier positions, so that each further token costs one position and not the whole text again.
 *
 * Sizes used below: B = rows of the batch, K = key/value heads, C = room of the cache, T = columns of the batch, W = head
 * width. Each row is a text of its own, whose cached positions stand first in its part of the cache.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { int, type Value } from '../graph/graph.js'

export interface KeysAndValues {
  readonly key: Value // (B, K, T, W); joined: (B, K, C + T, W)
  readonly value: Value // as `key`
}

export interface Cache {
  /** How many positions the cache has room for in each row. */
  readonly capacity: number
  /** How many of them are filled, (B); it is the position of each row's first token. Undefined without room. */
  readonly length: Value | undefined
  /** The cached keys and values of the next attention layer, followed by its new ones, which become graph outputs. */
  join(fresh: KeysAndValues): KeysAndValues
}

/** The graph input that says how much of each row's cache is filled, (B). */
export const CACHE_LENGTH = 'past_length'

/** The graph input that says of which token the logits are wanted: of each row, (B), counted over all rows. */
export const NEXT_POSITION = 'next_position'

/** The graph input that holds a layer's cached keys or values, (B, K, C, W). */
export const pastName = (layer: number, part: 'key' | 'value'): string => `past_key_values.${layer}.${part}`

/** The graph output with a layer's new keys or values, (B, K, T, W). */
export const presentName = (layer: number, part: 'key' | 'value'): string => `present.${layer}.${part}`

/** A cache of `capacity` positions a row; with 0 the graph starts texts, and only gives their keys and values. */
export function createCache(builder: GraphBuilder, rows: number, capacity: number): Cache {
  const length = capacity === 0 ? undefined : builder.input(CACHE_LENGTH, 'int64', [rows])
  let layers = 0
  const emit = (value: Value, name: string): void => {
    const [named] = builder.append({
      name,
      op: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [name],
      attributes: {},
    })
    if (named !== undefined) builder.output(named)
  }
  return {
    capacity,
    length,
    join({ key, value }) {
      const layer = layers++
      const joined = (fresh: Value, part: 'key' | 'value'): Value => {
        emit(fresh, presentName(layer, part))
        if (capacity === 0) return fresh
        const [, heads, , width] = fresh.shape as [number, number, number, number]
        const past = builder.input(pastName(layer, part), 'float32', [rows, heads, capacity, width])
        return builder.op('Concat', [past, fresh], { attributes: { axis: int(2) } })
      }
      return { key: joined(key, 'key'), value: joined(value, 'value') }
    },
  }
}
