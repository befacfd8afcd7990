/**
 * Rewrites `com.microsoft.Attention` and `com.microsoft.MultiHeadAttention`.
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 *
 * Sizes used below: B = batch, S = queries, L = new keys, P = past keys, T = P + L, H = heads, W = head width.
 * @module
 */
import { type AttentionSizes, attend, causalMask, LOWEST, mergeHeads, splitHeads } from './attention-steps.js'
import { floatOf, int, intOf, intsOf, sizeOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { type NewNode, type Rewrite, refuse, type Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'

/** Self-attention whose projection of queries, keys and values is part of the operator. */
export const attention: Rewrite = (node, around) => {
  const [x, weights, bias, mask, past, addend, pastLength] = node.inputs
  const output = node.outputs[0] as string
  refuseSet(node, ['past_present_share_buffer', 'do_rotary'])
  if (pastLength) refuse(node, 'a past kept in a buffer of fixed size is not supported')
  const steps = createSteps(output, around)
  const [batch, length] = around.typeOf(x as string).shape as [number, number, number]
  const [, projected] = around.typeOf(weights as string).shape as [number, number]
  const heads = intOf(node, 'num_heads', 1)
  const widths = intsOf(node, 'qkv_hidden_sizes') ?? [projected / 3, projected / 3, projected / 3]
  if (widths[0] !== widths[1])
    refuse(
      node,
      `queries of ${widths[0]} and keys of ${widths[1]} numbers cannot be multiplied; export the model again`,
    )
  const product = steps.op('MatMul', [x as string, weights as string])
  const biased = bias ? steps.op('Add', [product, bias]) : product
  const [query, key, value] = steps
    .split(biased, widths, 2)
    .map((part, at) => splitHeads(steps, part, [batch, length, heads, (widths[at] as number) / heads])) as [
    string,
    string,
    string,
  ]
  const [pastKey, pastValue] = hasPast(past, around) ? separatePast(steps, past, around) : []
  return attended(steps, node, around, {
    heads,
    query: { name: query, length, width: (widths[0] as number) / heads },
    key: { name: key, length, past: pastKey },
    value: { name: value, width: (widths[2] as number) / heads, past: pastValue },
    pastLength: pastKey === undefined ? 0 : (around.typeOf(past as string).shape[3] as number),
    batch,
    mask,
    addend,
    present: (keys, values) => joinPresent(steps, [keys, values], around, node.outputs[1]),
  })
}

/** Attention of queries, keys and values that other operators project. */
export const multiHeadAttention: Rewrite = (node, around) => {
  const [query, key, value, bias, mask, addend, pastKey, pastValue, pastLength] = node.inputs
  if (pastLength) refuse(node, 'a past kept in a buffer of fixed size is not supported')
  const queryShape = around.typeOf(query as string).shape
  if (!key || !value || queryShape.length !== 3)
    refuse(node, 'packed queries, keys and values are not supported')
  const steps = createSteps(node.outputs[0] as string, around)
  const heads = intOf(node, 'num_heads', 1)
  const [batch, queries, hidden] = queryShape as [number, number, number]
  const [keyShape, valueShape] = [around.typeOf(key).shape, around.typeOf(value).shape]
  const length = (keyShape.length === 4 ? keyShape[2] : keyShape[1]) as number
  const valueWidth = (valueShape.length === 4 ? valueShape[3] : (valueShape[2] as number) / heads) as number
  const biases = bias ? steps.split(bias, [hidden, hidden, valueWidth * heads], 0) : []
  const split = (x: string, at: number, rows: number, width: number): string => {
    const biased = bias ? steps.op('Add', [x, biases[at] as string]) : x
    return splitHeads(steps, biased, [batch, rows, heads, width])
  }
  const hasKeys = hasPast(pastKey, around)
  return attended(steps, node, around, {
    heads,
    query: {
      name: split(query as string, 0, queries, hidden / heads),
      length: queries,
      width: hidden / heads,
    },
    key: {
      name: keyShape.length === 4 ? key : split(key, 1, length, hidden / heads),
      length,
      past: hasKeys ? pastKey : undefined,
    },
    value: {
      name: valueShape.length === 4 ? value : split(value, 2, length, valueWidth),
      width: valueWidth,
      past: hasKeys ? pastValue : undefined,
    },
    pastLength: hasKeys ? (around.typeOf(pastKey as string).shape[2] as number) : 0,
    batch,
    mask,
    addend,
    present: (keys, values) => {
      if (node.outputs[1]) steps.op('Identity', [keys], {}, node.outputs[1])
      if (node.outputs[2]) steps.op('Identity', [values], {}, node.outputs[2])
    },
  })
}

interface Operands {
  readonly batch: number
  readonly heads: number
  readonly query: { readonly name: string; readonly length: number; readonly width: number }
  readonly key: { readonly name: string; readonly length: number; readonly past: string | undefined }
  readonly value: { readonly name: string; readonly width: number; readonly past: string | undefined }
  readonly pastLength: number
  readonly mask: string | undefined
  readonly addend: string | undefined
  /** Writes the outputs for the next call. */
  present(keys: string, values: string): void
}

function attended(steps: Steps, node: OnnxNode, around: Surroundings, given: Operands): readonly NewNode[] {
  const { heads, batch, query } = given
  const sizes: AttentionSizes = {
    batch,
    queries: query.length,
    keys: given.pastLength + given.key.length,
    heads,
    groups: heads,
    width: query.width,
    valueWidth: given.value.width,
  }
  const key = given.key.past ? steps.concat([given.key.past, given.key.name], 2) : given.key.name
  const value = given.value.past ? steps.concat([given.value.past, given.value.name], 2) : given.value.name
  given.present(key, value)
  const padding = given.mask ? paddingMask(steps, node, around, { mask: given.mask, sizes }) : undefined
  const causal = intOf(node, 'unidirectional', 0) === 1 && sizes.queries > 1
  const result = attend(steps, around, {
    query: query.name,
    key,
    value,
    sizes,
    scale: floatOf(node, 'scale', 0) || 1 / Math.sqrt(query.width),
    addends: [
      ...maskAddends(steps, around, { padding, causal, sizes }),
      ...(given.addend ? [given.addend] : []),
    ],
  })
  mergeHeads(steps, result, sizes, node.outputs[0] as string)
  return steps.nodes
}

interface MaskParts {
  readonly padding: string | undefined
  readonly causal: boolean
  readonly sizes: AttentionSizes
}

/** What is added to the scores: the padding's value where the causal mask lets it show, the most negative number elsewhere. */
function maskAddends(
  steps: Steps,
  around: Surroundings,
  { padding, causal, sizes }: MaskParts,
): readonly string[] {
  if (!causal) return padding === undefined ? [] : [padding]
  const shown = padding ?? around.constant(0, 'float32')
  return [steps.op('Where', [causalMask(steps, around, sizes), shown, around.constant(LOWEST, 'float32')])]
}

/** 0 for a key that counts, the node's filter value for padding, as it broadcasts to (B, H, S, T). */
function paddingMask(
  steps: Steps,
  node: OnnxNode,
  around: Surroundings,
  { mask, sizes }: { readonly mask: string; readonly sizes: AttentionSizes },
): string {
  const counts = countedKeys(steps, node, around, { mask, sizes })
  const filter = floatOf(node, 'mask_filter_value', -10_000)
  return steps.op('Where', [counts, around.constant(0, 'float32'), around.constant(filter, 'float32')])
}

function countedKeys(
  steps: Steps,
  node: OnnxNode,
  around: Surroundings,
  { mask, sizes: { batch, queries, keys } }: { readonly mask: string; readonly sizes: AttentionSizes },
): string {
  const { element, shape } = around.typeOf(mask)
  const zero = around.constant(0, element)
  const flagged = (x: string): string => steps.op('Greater', [x, zero])
  const [first, second] = shape
  if (shape.length === 1 && (first === batch || first === 2 * batch)) {
    return withinLengths(steps, around, { mask, batch, keys, starts: first !== batch })
  }
  if (shape.length === 2 && first === batch && second === keys) {
    return flagged(steps.reshape(mask, [batch, 1, 1, keys]))
  }
  if (shape.length === 3 && first === batch) return flagged(steps.reshape(mask, [batch, 1, queries, keys]))
  if (shape.length === 4) return flagged(lastQueries(steps, around, mask, { queries, keys }))
  refuse(node, `a mask of shape (${shape.join(', ')}) is not supported for ${keys} keys`)
}

/** Keys before the end, and from the start on, of each row; `mask` holds the ends (B), or the ends and then the starts. */
function withinLengths(
  steps: Steps,
  around: Surroundings,
  given: { readonly mask: string; readonly batch: number; readonly keys: number; readonly starts: boolean },
): string {
  const { mask, batch, keys, starts } = given
  const places = around.constant([...Array(keys).keys()], around.typeOf(mask).element, [1, 1, 1, keys])
  const sides = starts ? steps.split(mask, [batch, batch], 0) : [mask]
  const [ends, begins] = sides.map((side) => steps.reshape(side, [batch, 1, 1, 1]))
  const before = steps.op('Less', [places, ends as string])
  return begins === undefined
    ? before
    : steps.op('And', [before, steps.op('GreaterOrEqual', [places, begins])])
}

/** Of a mask for every length (B, 1, M, M): the rows of the newest queries, for the keys there are. */
function lastQueries(
  steps: Steps,
  { constant }: Surroundings,
  mask: string,
  { queries, keys }: Pick<AttentionSizes, 'queries' | 'keys'>,
): string {
  const range = [constant([keys - queries, 0]), constant([keys, keys]), constant([2, 3])]
  return steps.op('Slice', [mask, ...range])
}

function hasPast(name: string | undefined, { typeOf }: Surroundings): name is string {
  return Boolean(name) && sizeOf(typeOf(name as string).shape) > 0
}

/** Keys and values (B, H, P, W) of a past (2, B, H, P, W). */
function separatePast(steps: Steps, past: string, { typeOf }: Surroundings): readonly string[] {
  const shape = typeOf(past).shape.slice(1)
  return steps.split(past, [1, 1], 0).map((part) => steps.reshape(part, shape))
}

function joinPresent(
  steps: Steps,
  parts: readonly string[],
  { constant }: Surroundings,
  output: string | undefined,
): void {
  if (!output) return
  const stacked = parts.map((part) => steps.op('Unsqueeze', [part, constant([0])]))
  steps.op('Concat', stacked, { axis: int(0) }, output)
}

function refuseSet(node: OnnxNode, flags: readonly string[]): void {
  const set = flags.find((flag) => intOf(node, flag, 0) !== 0)
  if (set !== undefined) refuse(node, `the attribute ${set} is not supported`)
}
