/**
 * The layers that transformer families share, written for activations of two axes.
 *
 * Sizes used below: B = batch, T = sequence, N = B T, D = width, H = query heads, K = key/value heads, W = head width,
 * S = positions looked at: T, and before them those of the cache.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { float, int, ints, text, type Value } from '../graph/graph.js'
import type { Cache } from './cache.js'
import type { BlockWeight, WeightSource } from './weights.js'

export interface Batch {
  readonly rows: number
  readonly columns: number
}

export interface Layers {
  readonly builder: GraphBuilder
  readonly weights: WeightSource
  readonly batch: Batch
  /** Only when text is generated. */
  readonly cache?: Cache | undefined
  /** Which token of each row the logits are wanted of, (B) in 0 to N - 1; absent, of all. Only when text is generated. */
  readonly wanted?: Value | undefined
  /** Where each token is in its example, (B, T); only when a row may hold several. */
  readonly positionIds?: Value | undefined
}

/** How many positions an attention layer looks at: those of the cache and those of the batch. */
export const reachOf = ({ batch, cache }: Layers): number => batch.columns + (cache?.capacity ?? 0)

/**
 * nn.Linear: x (N, I), weight (O, I) -> (N, O). `path` is the module's name, under which an adapter finds it. `hasBias`
 * unless stated: where the model has such a tensor.
 */
export function linear(layers: Layers, path: string, x: Value, hasBias?: boolean): Value {
  const { builder, weights } = layers
  const attributes = { transB: int(1) }
  const name = `${path}.bias`
  const bias = hasBias === undefined ? weights.find(name) : hasBias ? weights.get(name) : undefined
  const blocks = weights.blocks(`${path}.weight`)
  if (blocks !== undefined) return blockProduct(layers, path, { x, blocks, bias })
  const inputs = [x, weights.get(`${path}.weight`), bias].filter((value) => value !== undefined)
  return builder.op('Gemm', inputs, { attributes, module: path, name: path })
}

/** GPT-2's Conv1D: x (N, I), weight (I, O) -> (N, O). */
export function conv1d(layers: Layers, path: string, x: Value): Value {
  const { builder, weights } = layers
  const blocks = weights.blocks(`${path}.weight`)
  if (blocks !== undefined)
    return blockProduct(layers, path, { x, blocks, bias: weights.get(`${path}.bias`) })
  const inputs = [x, weights.get(`${path}.weight`), weights.get(`${path}.bias`)]
  return builder.op('Gemm', inputs, { module: path, name: path })
}

interface BlockProduct {
  readonly x: Value // (N, I)
  readonly blocks: BlockWeight
  readonly bias: Value | undefined // (O)
}

/** A linear layer whose weight is stored as blocks of small integers -> (N, O). */
function blockProduct({ builder }: Layers, path: string, { x, blocks, bias }: BlockProduct): Value {
  const { bits, packed, scales, zeroPoints } = blocks
  const [outputs, count, bytes] = packed.shape as [number, number, number]
  const block = (bytes * 8) / bits
  const exact = { accuracy_level: int(1) } // float32
  const attributes = {
    N: int(outputs),
    K: int(count * block),
    bits: int(bits),
    block_size: int(block),
    ...exact,
  }
  const inputs = [x, packed, scales, zeroPoints, undefined, bias]
  const given = bias === undefined ? inputs.slice(0, zeroPoints === undefined ? 3 : 4) : inputs
  return builder.op('MatMulNBits', given, { attributes, domain: 'com.microsoft', module: path, name: path })
}

export function layerNorm({ builder, weights }: Layers, path: string, x: Value, epsilon: number): Value {
  const inputs = [x, weights.get(`${path}.weight`), weights.get(`${path}.bias`)]
  const attributes = { axis: int(-1), epsilon: float(epsilon) }
  const [output] = builder.ops('LayerNormalization', inputs, { attributes, outputs: 3, name: path })
  return output as Value
}

export function rmsNorm({ builder, weights }: Layers, path: string, x: Value, epsilon: number): Value {
  const attributes = { axis: int(-1), epsilon: float(epsilon) }
  const inputs = [x, weights.get(`${path}.weight`)]
  const [output] = builder.ops('SimplifiedLayerNormalization', inputs, { attributes, outputs: 2, name: path })
  return output as Value
}

/** Rows of an embedding table (V, D) for ids (B, T) -> (N, D). */
export function embedding({ builder, weights, batch }: Layers, path: string, ids: Value): Value {
  const flat = builder.op('Reshape', [ids, builder.constant([batch.rows * batch.columns], 'int64')])
  return weights.rows(`${path}.weight`, flat, path)
}

/** A table indexed by position: (P, D) -> (N, D), positions 0 to T - 1 in every row, after those of the cache. */
export function positionEmbedding(layers: Layers, path: string, first = 0): Value {
  const { builder, weights, batch, cache, positionIds } = layers
  const positions = Array.from(
    { length: batch.rows * batch.columns },
    (_, at) => first + (at % batch.columns),
  )
  const table = weights.get(`${path}.weight`)
  const limit = table.shape[0] as number
  if (first + batch.columns > limit) {
    throw new RangeError(
      `the model knows ${limit - first} positions; a sequence of ${batch.columns} tokens does not fit, so take shorter rows (--max-tokens, data.maxTokens)`,
    )
  }
  const own =
    positionIds === undefined
      ? builder.constant(positions, 'int64')
      : packedPositions(layers, positionIds, first)
  const indices =
    cache?.length === undefined ? own : builder.op('Add', [own, eachToken(layers, cache.length)])
  return builder.op('Gather', [table, indices], { attributes: { axis: int(0) }, name: path })
}

/** A number for each row, (B), as one for each token, (N); that of a single row stays as it is, (1). */
function eachToken({ builder, batch: { rows, columns } }: Layers, perRow: Value): Value {
  if (rows === 1 || columns === 1) return perRow
  const column = builder.op('Reshape', [perRow, builder.constant([rows, 1], 'int64')])
  const wide = builder.op('Expand', [column, builder.constant([rows, columns], 'int64')])
  return builder.op('Reshape', [wide, builder.constant([rows * columns], 'int64')])
}

/** Positions (B, T) in their examples as rows of a table, (N). */
function packedPositions({ builder, batch }: Layers, positionIds: Value, first: number): Value {
  const flat = builder.op('Reshape', [positionIds, builder.constant([batch.rows * batch.columns], 'int64')])
  return first === 0 ? flat : builder.op('Add', [flat, builder.constant(first, 'int64')])
}

/** (N, heads * W) -> (B, heads, T, W) */
export function splitHeads({ builder, batch }: Layers, x: Value, heads: number): Value {
  const width = (x.shape[1] as number) / heads
  const shape = builder.constant([batch.rows, batch.columns, heads, width], 'int64')
  return builder.op('Transpose', [builder.op('Reshape', [x, shape])], {
    attributes: { perm: ints([0, 2, 1, 3]) },
  })
}

/** (B, H, T, W) -> (N, H * W) */
export function mergeHeads({ builder, batch }: Layers, x: Value): Value {
  const [, heads, , width] = x.shape as [number, number, number, number]
  const back = builder.op('Transpose', [x], { attributes: { perm: ints([0, 2, 1, 3]) } })
  return builder.op('Reshape', [back, builder.constant([batch.rows * batch.columns, heads * width], 'int64')])
}

export interface Attention {
  readonly query: Value // (B, H, T, W)
  readonly key: Value // (B, K, T, W)
  readonly value: Value // (B, K, T, W)
  readonly mask?: Value | undefined // broadcasts to (B, H, T, S); added to the scores
  readonly scale: number
  /** Scores are kept within this by a tanh, before the mask is added. */
  readonly cap?: number | undefined
}

/** Scaled dot-product attention -> (B, H, T, W). With fewer key heads than query heads, each serves a group of queries. */
export function attention(layers: Layers, { query, mask, scale, cap, ...fresh }: Attention): Value {
  const { builder, cache } = layers
  const { key, value } = cache === undefined ? fresh : cache.join(fresh)
  const [rows, heads, columns, width] = query.shape as [number, number, number, number]
  const keyHeads = key.shape[1] as number
  const reach = key.shape[2] as number
  const group = heads / keyHeads
  const reshape = (x: Value, shape: readonly number[]): Value =>
    group === 1 ? x : builder.op('Reshape', [x, builder.constant(shape, 'int64')])
  const grouped = reshape(query, [rows, keyHeads, group * columns, width])
  const scaled = { transB: int(1), alpha: float(scale) }
  const products = builder.op('FusedMatMul', [grouped, key], { domain: 'com.microsoft', attributes: scaled }) // (B, K, G T, S)
  const capped = cap === undefined ? products : softCap(layers, products, cap)
  const scores = reshape(capped, [rows, heads, columns, reach])
  const masked = mask === undefined ? scores : builder.op('Add', [scores, mask])
  const probabilities = builder.op('Softmax', [masked], { attributes: { axis: int(-1) } })
  const weights = reshape(probabilities, [rows, keyHeads, group * columns, reach])
  return reshape(builder.op('MatMul', [weights, value]), [rows, heads, columns, width])
}

/** cap tanh(x / cap) */
export function softCap({ builder }: Layers, x: Value, cap: number): Value {
  const bent = builder.op('Tanh', [builder.op('Mul', [x, builder.constant(1 / cap)])])
  return builder.op('Mul', [bent, builder.constant(cap)])
}

/** The most negative float32: what transformers adds where attention is not allowed. */
const NEVER = -3.4028234663852886e38

export interface Mask {
  /** Whether a token sees only itself and those before it. */
  readonly causal: boolean
  /** How many tokens a token sees, itself included; absent, all before it. Only when causal. */
  readonly window?: number
  readonly attentionMask: Value | undefined // (B, T) of 0 and 1
}

/**
 * What is added to attention scores: nothing where a token may look, the most negative number where it may not.
 * Causal: (1, 1, T, S), with a cache (B, 1, T, S). With `attentionMask` (B, T) of 0 and 1, or of the numbers of a row's examples: (B, 1, T, S), or
 * (B, 1, 1, T) when not causal. Rows with a cache have no padding before them, so they need no `attentionMask`.
 */
export function additiveMask(layers: Layers, { causal, window, attentionMask }: Mask): Value | undefined {
  const { builder, batch, cache } = layers
  const { columns } = batch
  const within = Math.min(window ?? reachOf(layers), reachOf(layers))
  const allowed = Array.from({ length: columns * columns }, (_, at) => {
    const back = Math.floor(at / columns) - (at % columns)
    return Number(back >= 0 && back < within)
  })
  const square = [1, 1, columns, columns]
  if (attentionMask === undefined && !causal) return undefined
  if (attentionMask === undefined && cache?.length === undefined)
    return builder.constant(
      allowed.map((yes) => (yes === 1 ? 0 : NEVER)),
      'float32',
      square,
    )
  const copies = cache?.length === undefined ? 1 : batch.rows
  const own = (): Value =>
    builder.constant(Array.from({ length: copies }, () => allowed).flat(), 'bool', [
      copies,
      1,
      columns,
      columns,
    ])
  const keys = attentionMask && visibleKeys(layers, attentionMask)
  const fresh = keys === undefined ? own() : causal ? builder.op('And', [keys, own()]) : keys
  const may =
    cache?.length === undefined
      ? fresh
      : builder.op('Concat', [cachedMask(layers, cache.length, within), fresh], {
          attributes: { axis: int(3) },
        })
  return builder.op('Where', [may, builder.constant(0), builder.constant(NEVER)])
}

/** Which keys are no padding, (B, 1, 1, T); or with several examples in a row, which are of the query's own, (B, 1, T, T). */
function visibleKeys({ builder, batch, positionIds }: Layers, attentionMask: Value): Value {
  const { rows, columns } = batch
  const shaped = (shape: readonly number[]): Value =>
    builder.op('Reshape', [attentionMask, builder.constant(shape, 'int64')])
  const keys = shaped([rows, 1, 1, columns])
  return positionIds === undefined
    ? builder.op('Cast', [keys], { attributes: { to: int(9) } })
    : builder.op('Equal', [shaped([rows, 1, columns, 1]), keys])
}

/** Which positions of the cache each token may look at: those that are filled and in its window, (B, 1, T, C). */
function cachedMask({ builder, batch, cache }: Layers, length: Value, window: number): Value {
  const slots = builder.constant([...new Array(cache?.capacity ?? 0).keys()], 'int64', [
    1,
    1,
    1,
    cache?.capacity ?? 0,
  ])
  const firsts = Array.from({ length: batch.columns }, (_, at) => at - window) // of the window, less the filled length
  const filled =
    batch.rows === 1
      ? length
      : builder.op('Reshape', [length, builder.constant([batch.rows, 1, 1, 1], 'int64')])
  const before = builder.op('Add', [builder.constant(firsts, 'int64', [1, 1, batch.columns, 1]), filled])
  return builder.op('And', [builder.op('Greater', [slots, before]), builder.op('Less', [slots, filled])])
}

/** The activation functions of `transformers`, by their names in config.json. */
export function activation({ builder }: Layers, name: string, x: Value): Value {
  switch (name) {
    case 'gelu_new':
    case 'gelu_pytorch_tanh':
    case 'gelu_python_tanh':
    case 'gelu_accurate':
    case 'gelu_fast':
      return builder.op('Gelu', [x], { attributes: { approximate: text('tanh') } })
    case 'gelu':
    case 'gelu_python':
      return builder.op('Gelu', [x], { attributes: { approximate: text('none') } })
    case 'quick_gelu':
      return builder.op('Mul', [x, builder.op('Sigmoid', [builder.op('Mul', [x, builder.constant(1.702)])])])
    case 'relu':
      return builder.op('Relu', [x])
    case 'silu':
    case 'swish':
      return builder.op('Mul', [x, builder.op('Sigmoid', [x])])
    case 'tanh':
      return builder.op('Tanh', [x])
    default:
      throw new RangeError(
        `activation "${name}" is not supported; expected gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu, silu or tanh`,
      )
  }
}
