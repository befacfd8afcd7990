/**
 * The logits after a text that grows by a token at a time. The keys and values of a text are kept, so that a further token
 * costs one position; a model whose graph does not give them computes the whole text again.
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'
import { CACHE_LENGTH, NEXT_POSITION } from '../source/cache.js'
import { batchFeeds } from './feeds.js'
import { NEXT, type NextLogits, paddedRow, windowColumns } from './next-token.js'
import type { OpenGraph } from './open-graphs.js'
import type { TensorData } from './runtime.js'

export interface DecoderGraphs {
  /** The graph that reads a whole text of up to so many tokens, and gives the keys and values if it can. */
  whole(columns: number): Promise<OpenGraph>
  /** The graph that reads one more token after up to `capacity` cached ones. */
  step(capacity: number): Promise<OpenGraph>
}

export interface DecoderOptions {
  readonly tensors: TensorMap
  /** The longest text that the model can look at; of a longer one it sees the end. */
  readonly maxColumns: number
  /** How long the text is expected to become. */
  readonly expectedTokens: number
}

interface Filled {
  readonly capacity: number
  /** The tokens whose keys and values it holds. */
  readonly ids: readonly number[]
  readonly layers: ReadonlyMap<string, Float32Array> // (K, C, W) by the name of the step graph's input
}

type Outputs = ReadonlyMap<string, TensorData>

/** Decodes one text. Not for calls at the same time. */
export function createDecoder(graphs: DecoderGraphs, options: DecoderOptions): NextLogits {
  const { tensors, maxColumns } = options
  const capacity = windowColumns(Math.min(options.expectedTokens, maxColumns), maxColumns)
  let cache: Filled | undefined

  const readWhole = async (ids: readonly number[]): Promise<Float32Array> => {
    const kept = ids.slice(-maxColumns)
    const columns = windowColumns(kept.length, maxColumns)
    const { graph, session } = await graphs.whole(columns)
    const feeds = batchFeeds(graph, tensors, paddedRow(kept, columns))
    const outputs = await session.run(feeds.set(NEXT_POSITION, Int32Array.of(kept.length - 1)))
    cache = kept.length < ids.length ? undefined : filledCache(outputs, kept, capacity)
    return nextOf(outputs)
  }
  const readOne = async (id: number, filled: Filled): Promise<Float32Array> => {
    const { graph, session } = await graphs.step(filled.capacity)
    const feeds = batchFeeds(graph, tensors, paddedRow([id], 1))
    for (const [name, values] of filled.layers) feeds.set(name, values)
    feeds.set(CACHE_LENGTH, Int32Array.of(filled.ids.length)).set(NEXT_POSITION, Int32Array.of(0))
    const outputs = await session.run(feeds)
    keep(filled, outputs, filled.ids.length, 1)
    cache = { ...filled, ids: [...filled.ids, id] }
    return nextOf(outputs)
  }
  return (ids) =>
    cache !== undefined && continues(cache, ids) ? readOne(ids.at(-1) as number, cache) : readWhole(ids)
}

/** Whether a text is the cached one and a further token for which there is room. */
function continues({ ids: cached, capacity }: Filled, ids: readonly number[]): boolean {
  const fits = ids.length === cached.length + 1 && ids.length <= capacity
  return fits && cached.every((id, at) => id === ids[at])
}

const PRESENT = 'present.'
const inputOf = (output: string): string => output.replace(PRESENT, 'past_key_values.')

/** A cache of the tokens that a run read; undefined when it gave no keys and values, or there is no room for more. */
function filledCache(outputs: Outputs, ids: readonly number[], capacity: number): Filled | undefined {
  const present = [...outputs].filter(([name]) => name.startsWith(PRESENT))
  if (present.length === 0 || ids.length >= capacity) return undefined
  const layers = present.map(([name, { shape }]) => {
    const [, heads, , width] = shape as [number, number, number, number]
    return [inputOf(name), new Float32Array(heads * capacity * width)] as const
  })
  const filled = { capacity, ids, layers: new Map(layers) }
  keep(filled, outputs, 0, ids.length)
  return filled
}

/** Copies the first `count` positions of the outputs into the cache, from position `at` on. */
function keep({ capacity, layers }: Filled, outputs: Outputs, at: number, count: number): void {
  for (const [name, { shape, data }] of outputs) {
    const cached = layers.get(inputOf(name))
    if (cached === undefined) continue
    const [, heads, columns, width] = shape as [number, number, number, number]
    for (let head = 0; head < heads; head++) {
      const first = head * columns * width
      cached.set(data.subarray(first, first + count * width), (head * capacity + at) * width)
    }
  }
}

function nextOf(outputs: Outputs): Float32Array {
  const next = outputs.get(NEXT)
  if (next?.data instanceof Float32Array) return next.data
  throw new TypeError(`graph output "${NEXT}" expected float32, got ${next?.element ?? 'none'}`)
}
