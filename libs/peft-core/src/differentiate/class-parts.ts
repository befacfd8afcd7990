/**
 * Cross-entropy over some classes at a time, for logits s = h W^T + b with W and b frozen. Only one part of the logits is in
 * memory, and with it what the gradient needs: dh = softmax(s) W - W[label] is summed part by part, relative to the
 * highest logit so far, as the sum of the exponentials is. Paper: https://arxiv.org/abs/1805.02867
 *
 * Sizes used below: N = rows, V = classes, D = width of the hidden state.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { floatOf, type Graph, int, intOf, type Value, type Weight } from '../graph/graph.js'
import { asFloat32, type Bounds, frozenPart, gatherRows } from './frozen-rows.js'
import type { PatternCall } from './pattern.js'
import { algebra } from './rules/algebra.js'

/** A note on the node that gives the loss of each row: the hidden state, the rows of the labels, and the sums. */
const NOTE = 'lorica.class-parts'

export interface FrozenHead {
  readonly hidden: string // (..., D)
  readonly weight: Weight // (V, D), used in place in its file
  readonly bias: Weight | undefined // (V)
}

/** The head of these logits when it is one product with a frozen matrix whose rows are the classes; else undefined. */
export function findFrozenHead({ nodes, weights, types }: Graph, logits: Value): FrozenHead | undefined {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const frozen = (name: string): Weight | undefined => {
    const cast = producers.get(name)
    return weights.get(cast?.op === 'Cast' ? (cast.inputs[0] ?? '') : name)
  }
  let product = producers.get(logits.name)
  while (product?.op === 'Reshape') product = producers.get(product.inputs[0] ?? '')
  if (product === undefined || (product.op !== 'Gemm' && product.op !== 'FusedMatMul')) return undefined
  const [hidden, matrix, addend] = product.inputs as [string, string, string?]
  const [weight, bias] = [frozen(matrix), addend === undefined ? undefined : frozen(addend)]
  const isPlain =
    intOf(product, 'transB', 0) === 1 &&
    ['transA', 'transBatchA', 'transBatchB'].every((name) => intOf(product, name, 0) === 0) &&
    ['alpha', 'beta'].every((name) => floatOf(product, name, 1) === 1)
  const classes = logits.shape.at(-1) as number
  const fits =
    [logits.name, hidden, matrix].every((name) => types.get(name)?.element === 'float32') &&
    weight?.shape.length === 2 &&
    weight.shape[0] === classes &&
    (addend === undefined || (bias?.shape.length === 1 && bias.shape[0] === classes))
  if (!isPlain || !fits || weight.data.kind !== 'file') return undefined
  return { hidden, weight, bias }
}

export interface ClassParts {
  readonly head: FrozenHead
  readonly labels: Value // (N, 1), from 0 to V - 1
  readonly bounds: Bounds
  /** Whether `classPartsRule` is to give the gradient; the loss alone takes less. */
  readonly isTrained: boolean
}

/** Appends the loss of each row -> (N, 1), over the classes in parts. */
export function crossEntropyInParts(builder: GraphBuilder, call: ClassParts): Value {
  const { head, labels, isTrained } = call
  const { reshape, add, sub, apply } = algebra(builder)
  const rows = labels.shape[0] as number
  const width = head.weight.shape[1] as number
  const hidden = reshape(builder.value(head.hidden), [rows, width])
  const { highest, sums } = sumsOf(builder, hidden, call)
  const total = isTrained ? columns(builder, sums, width, width + 1) : sums
  const { chosen, labelRows } = logitsOfLabels(builder, hidden, call)
  const inputs = [add(highest, apply('Log', total)), chosen]
  if (!isTrained) return sub(...(inputs as [Value, Value]))
  const values = [hidden, labelRows, sums].map(({ name }) => name)
  return builder.op('Sub', inputs, { attributes: { [NOTE]: { kind: 'strings', value: values } } })
}

/** The gradient of the hidden state by its name when `node` is the last one of `crossEntropyInParts`; else undefined. */
export function classPartsRule({
  builder,
  node,
  gradient,
}: PatternCall): readonly (readonly [string, Value])[] | undefined {
  const note = node.attributes[NOTE]
  if (note?.kind !== 'strings' || gradient === undefined) return undefined
  const [hidden, labelRows, sums] = note.value.map((name) => builder.value(name)) as [Value, Value, Value]
  const [rows, width] = hidden.shape as [number, number]
  const { expand, mul, sub, div } = algebra(builder)
  const expected = div(columns(builder, sums, 0, width), columns(builder, sums, width, width + 1)) // softmax(s) W
  return [[hidden.name, mul(sub(expected, labelRows), expand(gradient, [rows, 1]))]]
}

interface Sums {
  readonly highest: Value // (N, 1), of the logits
  /** Of exp(s - highest): over the classes (N, 1), and when trained, before that their product with W (N, D + 1). */
  readonly sums: Value
}

/** Each part's sums depend on those before it, so that the parts are made one after the other. */
function sumsOf(builder: GraphBuilder, hidden: Value, { head, bounds, isTrained }: ClassParts): Sums {
  const { add, sub, mul, sum, apply, concat, product, integers } = algebra(builder)
  const exp = (x: Value): Value => apply('Exp', x)
  const frozen = (weight: Weight, part: number): Value =>
    asFloat32(builder, frozenPart(builder, weight, bounds, part))
  const ofPart = (so: Sums | undefined, part: number): Sums => {
    const matrix = frozen(head.weight, part)
    const bias = head.bias && frozen(head.bias, part)
    const inputs = bias === undefined ? [hidden, matrix] : [hidden, matrix, bias]
    const logits = builder.op('Gemm', inputs, { attributes: { transB: int(1) } }) // (N, classes of the part)
    const own = builder.op('ReduceMax', [logits, integers([1])], { attributes: { keepdims: int(1) } })
    const highest = so === undefined ? own : builder.op('Max', [so.highest, own])
    const before = so && mul(so.sums, exp(sub(so.highest, highest)))
    const powers = exp(sub(logits, highest))
    const total = sum(powers, [1])
    const fresh = isTrained ? concat([product(powers, matrix), total], 1) : total
    return { highest, sums: before === undefined ? fresh : add(before, fresh) }
  }
  const parts = Array.from({ length: bounds.length - 2 }, (_, at) => at + 1)
  return parts.reduce((so, part) => ofPart(so, part), ofPart(undefined, 0))
}

/** The logit of each row's label (N, 1), and the rows of W that it is made of (N, D). */
function logitsOfLabels(builder: GraphBuilder, hidden: Value, { head, bounds, labels }: ClassParts) {
  const { add, mul, sum, reshape } = algebra(builder)
  const flat = reshape(labels, [labels.shape[0] as number])
  const labelRows = gatherRows(builder, head.weight, bounds, flat)
  const products = sum(mul(hidden, labelRows), [1])
  if (head.bias === undefined) return { labelRows, chosen: products }
  const biases = builder.op('Gather', [builder.value(head.bias.name), labels]) // (N, 1)
  return { labelRows, chosen: add(products, asFloat32(builder, biases)) }
}

function columns(builder: GraphBuilder, x: Value, first: number, end: number): Value {
  const { integers } = algebra(builder)
  return builder.op('Slice', [x, integers([first]), integers([end]), integers([1])])
}
