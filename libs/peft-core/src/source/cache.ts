/**
 * Keys and values of earlier positions, so that each further token costs one position and not the whole text again.
 *
 * Sizes used below: K = key/value heads, C = room of the cache, T = columns of the batch, W = head width. One row.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { int, type Value } from '../graph/graph.js'

export interface KeysAndValues {
  readonly key: Value // (1, K, T, W); joined: (1, K, C + T, W)
  readonly value: Value // as `key`
}

export interface Cache {
  /** How many positions the cache has room for. */
  readonly capacity: number
  /** How many of them are filled, (1); it is the position of the batch's first token. Undefined without room. */
  readonly length: Value | undefined
  /** The cached keys and values of the next attention layer, followed by its new ones, which become graph outputs. */
  join(fresh: KeysAndValues): KeysAndValues
}

/** The graph input that says how much of a cache is filled. */
export const CACHE_LENGTH = 'past_length'

/** The graph input that holds a layer's cached keys or values, (1, K, C, W). */
export const pastName = (layer: number, part: 'key' | 'value'): string => `past_key_values.${layer}.${part}`

/** The graph output with a layer's new keys or values, (1, K, T, W). */
export const presentName = (layer: number, part: 'key' | 'value'): string => `present.${layer}.${part}`

/** A cache of `capacity` positions; with 0 the graph starts a text, and only gives its keys and values. */
export function createCache(builder: GraphBuilder, capacity: number): Cache {
  const length = capacity === 0 ? undefined : builder.input(CACHE_LENGTH, 'int64', [1])
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
        const [rows, heads, , width] = fresh.shape as [number, number, number, number]
        const past = builder.input(pastName(layer, part), 'float32', [rows, heads, capacity, width])
        return builder.op('Concat', [past, fresh], { attributes: { axis: int(2) } })
      }
      return { key: joined(key, 'key'), value: joined(value, 'value') }
    },
  }
}
