/**
 * Rewrites the standard operator `Attention` of operator sets 23 and 24.
 * Spec: https://onnx.ai/onnx/operators/onnx__Attention.html
 * @module
 */
import { elementNumbers } from '../operators/elementwise.js'
import { type AttentionSizes, attend, LOWEST, mergeHeads, splitHeads } from './attention-steps.js'
import { floatOf, int, intOf, sizeOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { type Rewrite, refuse, type Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'

export const standardAttention: Rewrite = (node, around) => {
  const [query, key, value, mask, pastKey, pastValue, lengths] = node.inputs as readonly string[]
  if (node.outputs[3]) refuse(node, 'scores as an output are not supported')
  const output = node.outputs[0] as string
  const steps = createSteps(output, around)
  const sizes = sizesOf(node, around)
  const { batch, heads, groups, width, valueWidth } = sizes
  const apart = (x: string, count: number, side: number): string => {
    const { shape } = around.typeOf(x)
    return shape.length === 4 ? x : splitHeads(steps, x, [batch, shape[1] as number, count, side])
  }
  const after = (past: string | undefined, x: string): string => (past ? steps.concat([past, x], 2) : x)
  const keys = after(pastKey, apart(key as string, groups, width))
  const values = after(pastValue, apart(value as string, groups, valueWidth))
  if (node.outputs[1]) steps.op('Identity', [keys], {}, node.outputs[1])
  if (node.outputs[2]) steps.op('Identity', [values], {}, node.outputs[2])
  const isFlags = mask ? around.typeOf(mask).element === 'bool' : false
  const allowed = allowedKeys(steps, node, around, { sizes, flags: isFlags ? mask : undefined, lengths })
  const result = attend(steps, around, {
    query: apart(query as string, heads, width),
    key: keys,
    value: values,
    sizes,
    scale: floatOf(node, 'scale', 0) || 1 / Math.sqrt(width),
    softcap: floatOf(node, 'softcap', 0),
    addends: mask && !isFlags ? [wholeMask(steps, around, mask, sizes.keys)] : [],
    allowed,
    excluded: LOWEST,
  })
  const seen =
    (isFlags || lengths) && allowed
      ? steps.op('Mul', [result, seesAny(steps, around, { allowed, like: query as string })])
      : result
  if (around.typeOf(query as string).shape.length === 4) steps.op('Identity', [seen], {}, output)
  else mergeHeads(steps, seen, sizes, output)
  return steps.nodes
}

function sizesOf(node: OnnxNode, { typeOf }: Surroundings): AttentionSizes {
  const [query, key, value, , past] = node.inputs as [string, string, string, string?, string?]
  const [q, k, v] = [typeOf(query).shape, typeOf(key).shape, typeOf(value).shape]
  const isSplit = q.length === 4
  const heads = isSplit ? (q[1] as number) : intOf(node, 'q_num_heads', 1)
  const groups = isSplit ? (k[1] as number) : intOf(node, 'kv_num_heads', 1)
  return {
    batch: q[0] as number,
    queries: q.at(-2) as number,
    keys: (k.at(-2) as number) + (past ? (typeOf(past).shape[2] as number) : 0),
    heads,
    groups,
    width: (q.at(-1) as number) / (isSplit ? 1 : heads),
    valueWidth: (v.at(-1) as number) / (isSplit ? 1 : groups),
  }
}

interface Limits {
  readonly sizes: AttentionSizes
  readonly flags: string | undefined
  readonly lengths: string | undefined
}

/**
 * The boolean of the scores that count. A causal query i sees the keys up to i + offset, where the offset is the
 * length of the past, or of each row's keys before the queries where the rows' lengths are given.
 */
function allowedKeys(
  steps: Steps,
  node: OnnxNode,
  around: Surroundings,
  { sizes, flags, lengths }: Limits,
): string | undefined {
  const { batch, queries, keys } = sizes
  const { constant, typeOf } = around
  const past = node.inputs[4] ? (typeOf(node.inputs[4]).shape[2] as number) : 0
  const places = constant([...Array(keys).keys()], 'int64', [1, 1, 1, keys])
  const ends = lengths
    ? steps.reshape(steps.op('Cast', [lengths], { to: int(7) }), [batch, 1, 1, 1])
    : undefined
  const parts: string[] = flags ? [wholeFlags(steps, around, flags, keys)] : []
  if (ends !== undefined) parts.push(steps.op('Less', [places, ends]))
  if (intOf(node, 'is_causal', 0) === 1) {
    const own = constant(
      Array.from({ length: queries }, (_, at) => at + past),
      'int64',
      [1, 1, queries, 1],
    )
    const shifted = ends && steps.op('Add', [own, steps.op('Sub', [ends, constant(queries, 'int64')])])
    parts.push(steps.op('LessOrEqual', [places, shifted ?? own]))
  }
  return parts.length === 0 ? undefined : parts.reduce((so, part) => steps.op('And', [so, part]))
}

/** Flags for fewer keys than there are exclude the others. */
function wholeFlags(steps: Steps, around: Surroundings, flags: string, keys: number): string {
  const rest = missingKeys(around, flags, keys)
  if (rest === undefined) return flags
  return steps.concat([flags, around.constant(Array(sizeOf(rest)).fill(0), 'bool', rest)], rest.length - 1)
}

/** What is added to the scores, with the others excluded when it is for fewer keys than there are. */
function wholeMask(steps: Steps, around: Surroundings, mask: string, keys: number): string {
  const rest = missingKeys(around, mask, keys)
  if (rest === undefined) return mask
  const lowest = around.constant(Array(sizeOf(rest)).fill(LOWEST), 'float32', rest)
  const { element } = around.typeOf(mask)
  const excluded =
    element === 'float32' ? lowest : steps.op('Cast', [lowest], { to: int(elementNumbers[element]) })
  return steps.concat([mask, excluded], rest.length - 1)
}

/** The shape of what a mask lacks to cover all keys; undefined when it covers them or is for all alike. */
function missingKeys({ typeOf }: Surroundings, mask: string, keys: number): readonly number[] | undefined {
  const { shape } = typeOf(mask)
  const missing = keys - (shape.at(-1) as number)
  return missing <= 0 || shape.at(-1) === 1 ? undefined : [...shape.slice(0, -1), missing]
}

interface Seen {
  readonly allowed: string
  /** A value of the element that is wanted. */
  readonly like: string
}

/** 1 for a query that sees a key, 0 for one that sees none, whose output is zero. */
function seesAny(steps: Steps, { constant, typeOf }: Surroundings, { allowed, like }: Seen): string {
  const numbers = steps.op('Cast', [allowed], { to: int(elementNumbers[typeOf(like).element]) })
  return steps.op('ReduceMax', [numbers, constant([-1])], { keepdims: int(1) })
}
