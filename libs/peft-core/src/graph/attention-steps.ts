/**
 * Scaled dot-product attention in operators that can be differentiated.
 * Paper: https://arxiv.org/abs/1706.03762; heads in groups: https://arxiv.org/abs/2305.13245
 *
 * Sizes used below: B = batch, S = queries, T = keys (those of the past included), H = query heads,
 * K = key/value heads, W = head width, V = width of a value's head.
 * @module
 */
import { float, int } from './graph.js'
import type { Surroundings } from './rewrite.js'
import type { Steps } from './steps.js'

/** The most negative float32. */
export const LOWEST = -3.4028234663852886e38

export interface AttentionSizes {
  readonly batch: number
  readonly queries: number
  readonly keys: number
  readonly heads: number
  readonly groups: number
  readonly width: number
  readonly valueWidth: number
}

export interface AttentionOperands {
  readonly query: string // (B, H, S, W)
  readonly key: string // (B, K, T, W)
  readonly value: string // (B, K, T, V)
  readonly scale: number
  /** Scores become cap tanh(score / cap); none when absent. */
  readonly softcap?: number
  /** Added to the scaled scores, each as it broadcasts to (B, H, S, T). */
  readonly addends?: readonly string[]
  /** The boolean that says which scores count, as it broadcasts to (B, H, S, T); the others become `excluded`. */
  readonly allowed?: string | undefined
  readonly excluded?: number
}

/** softmax(scale query key^T + ...) value -> (B, H, S, V) */
export function attend(
  steps: Steps,
  { constant }: Pick<Surroundings, 'constant'>,
  given: AttentionOperands & { readonly sizes: AttentionSizes },
): string {
  const { batch, queries, keys, heads, groups, width, valueWidth } = given.sizes
  const each = (heads / groups) * queries // query rows that share a key head
  const grouped = (x: string, last: number): string =>
    heads === groups ? x : steps.reshape(x, [batch, groups, each, last])
  const ungrouped = (x: string, last: number): string =>
    heads === groups ? x : steps.reshape(x, [batch, heads, queries, last])
  const products = steps.productTransposed(grouped(given.query, width), given.key, given.scale)
  let scores = ungrouped(products, keys)
  if (given.softcap) {
    const cap = constant(given.softcap, 'float32')
    scores = steps.op('Mul', [steps.op('Tanh', [steps.op('Div', [scores, cap])]), cap])
  }
  for (const addend of given.addends ?? []) scores = steps.op('Add', [scores, addend])
  if (given.allowed !== undefined) {
    scores = steps.op('Where', [given.allowed, scores, constant(given.excluded ?? LOWEST, 'float32')])
  }
  const weights = steps.op('Softmax', [scores], { axis: int(-1) })
  return ungrouped(steps.op('MatMul', [grouped(weights, keys), given.value]), valueWidth)
}

/** (B, S, heads * width) -> (B, heads, S, width) */
export function splitHeads(
  steps: Steps,
  x: string,
  [batch, length, heads, width]: readonly [number, number, number, number],
): string {
  return steps.transpose(steps.reshape(x, [batch, length, heads, width]), [0, 2, 1, 3])
}

/** (B, H, S, V) -> (B, S, H * V) */
export function mergeHeads(
  steps: Steps,
  x: string,
  { batch, queries, heads, valueWidth }: Pick<AttentionSizes, 'batch' | 'queries' | 'heads' | 'valueWidth'>,
  output: string,
): void {
  steps.reshape(steps.transpose(x, [0, 2, 1, 3]), [batch, queries, heads * valueWidth], output)
}

/**
 * Which keys each query may see, (S, T): those up to its own position, which is counted from the end of the past, and
 * when there is a window only the last `window` of them.
 */
export function causalMask(
  steps: Steps,
  { constant }: Pick<Surroundings, 'constant'>,
  {
    queries,
    keys,
    window,
  }: Pick<AttentionSizes, 'queries' | 'keys'> & { readonly window?: number | undefined },
): string {
  const own = Array.from({ length: queries }, (_, at) => keys - queries + at)
  const rows = constant(own, 'int64', [queries, 1])
  const columns = constant([...Array(keys).keys()], 'int64', [1, keys])
  const past = steps.op('LessOrEqual', [columns, rows])
  if (window === undefined || window >= keys) return past
  const first = constant(
    own.map((at) => at - window),
    'int64',
    [queries, 1],
  )
  return steps.op('And', [past, steps.op('Greater', [columns, first])])
}

/** RMS normalisation of each head: x (B, H, S, W), scale (W). */
export function normaliseHeads(steps: Steps, x: string, scale: string, epsilon: number): string {
  return steps.op('SimplifiedLayerNormalization', [x, scale], { axis: int(-1), epsilon: float(epsilon) })
}
