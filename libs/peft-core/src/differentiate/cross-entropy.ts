/**
 * Cross-entropy of rows of logits, with a closed gradient: for loss_n = log(sum_v exp(s_nv)) - s_n,label(n) it is
 * ds = softmax(s) - onehot(label). The one-hot matrix is never made: where s = h W^T is a matrix product,
 * dh = softmax(s) W - W[label], and only the softmax has the size of the vocabulary.
 *
 * Sizes used below: N = rows, V = classes, D = width of the hidden state.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { float, floatOf, int, intOf, type Node, sizeOf, text, type Value } from '../graph/graph.js'
import type { PatternCall } from './pattern.js'
import { algebra } from './rules/algebra.js'

const LAST = { axis: int(-1) }
const KEEP = { keepdims: int(1) }
const ADD = { reduction: text('add') }

/** What the loss of rows is made of, (N, 1) each unless stated. */
export interface RowLoss {
  readonly loss: Value
  /** The logit of the label. */
  readonly chosen: Value
  /** The probability of the likeliest class. */
  readonly surest: Value
  /** The logit of the likeliest class. */
  readonly highest: Value
  readonly probabilities: Value // (N, V)
}

/**
 * Appends the loss of each row: logits (N, V), labels (N, 1) from 0 to V - 1 -> (N, 1). With m = max(s) and
 * p = softmax(s), it is m - s[label] - log(max(p)): max(p) is at least 1 / V, so the logarithm is always finite.
 */
export function crossEntropy(builder: GraphBuilder, logits: Value, labels: Value): RowLoss {
  const last = builder.constant([-1], 'int64')
  const highest = builder.op('ReduceMax', [logits, last], { attributes: KEEP }) // (N, 1)
  const probabilities = builder.op('Softmax', [logits], { attributes: LAST })
  const surest = builder.op('ReduceMax', [probabilities, last], { attributes: KEEP })
  const chosen = builder.op('GatherElements', [logits, labels], { attributes: { axis: int(1) } })
  const { sub, apply } = algebra(builder)
  return { loss: sub(sub(highest, chosen), apply('Log', surest)), chosen, surest, highest, probabilities }
}

interface Found {
  readonly logits: string // (N, V)
  readonly probabilities: string // (N, V)
  readonly labels: string // (N, 1)
}

/** The gradients by value name when `node` is the last one of a cross-entropy; undefined when it is not. */
export function crossEntropyRule(call: PatternCall): readonly (readonly [string, Value])[] | undefined {
  const found = findCrossEntropy(call)
  if (found === undefined || call.gradient === undefined) return undefined
  const { expand } = algebra(call.builder)
  const given = expand(call.gradient, call.builder.value(found.labels).shape)
  const gradient = afterLoss(call, given)
  return productGradients(call, found, gradient) ?? [[found.logits, logitsGradient(call, found, gradient)]]
}

/**
 * The gradient (N, 1) as it is, but not before the loss is known: the logits can then be forgotten once their gradient
 * is, and are not held until somebody asks for the loss.
 */
function afterLoss({ builder, node }: PatternCall, gradient: Value): Value {
  const { concat, integers } = algebra(builder)
  const both = concat([gradient, builder.value(node.outputs[0] as string)], 1) // (N, 2)
  return builder.op('Slice', [both, integers([0]), integers([1]), integers([1])])
}

/** Recognises what `crossEntropy` appends. */
function findCrossEntropy({ node, producers }: PatternCall): Found | undefined {
  const made = (by: Node | undefined, index: number, op: string): Node | undefined => {
    const producer = producers.get(by?.inputs[index] ?? '')
    return producer?.op === op ? producer : undefined
  }
  if (node.op !== 'Sub') return undefined
  const difference = made(node, 0, 'Sub')
  const highest = made(difference, 0, 'ReduceMax')
  const chosen = made(difference, 1, 'GatherElements')
  const surest = made(made(node, 1, 'Log'), 0, 'ReduceMax')
  const softmax = made(surest, 0, 'Softmax')
  const [logits] = softmax?.inputs ?? []
  if (logits === undefined || highest?.inputs[0] !== logits || chosen?.inputs[0] !== logits) return undefined
  return { logits, probabilities: softmax?.outputs[0] as string, labels: chosen.inputs[1] as string }
}

function logitsGradient({ builder }: PatternCall, found: Found, gradient: Value): Value {
  const { mul, apply } = algebra(builder)
  const scaled = mul(builder.value(found.probabilities), gradient)
  const inputs = [scaled, builder.value(found.labels), apply('Neg', gradient)]
  return builder.op('ScatterElements', inputs, { attributes: { axis: int(1), ...ADD } })
}

/** A product h op(W) that the logits are, perhaps under another shape. */
interface Head {
  readonly hidden: Value // (..., D)
  readonly weight: Value // (V, D) when `transB`, else (D, V)
  readonly transB: boolean
  readonly alpha: number
  readonly wantsHidden: boolean
  readonly wantsWeight: boolean
}

function findHead({ builder, producers, active, apart }: PatternCall, { logits }: Found): Head | undefined {
  let product = producers.get(logits)
  while (product?.op === 'Reshape') product = producers.get(product.inputs[0] as string)
  if (product === undefined || !['MatMul', 'FusedMatMul', 'Gemm'].includes(product.op)) return undefined
  const [left, right, addend] = product.inputs as [string, string, string?]
  const [hidden, weight] = [builder.value(left), builder.value(right)]
  const rows = sizeOf(hidden.shape.slice(0, -1))
  const fits =
    hidden.shape.length >= 2 && weight.shape.length === 2 && rows === builder.value(logits).shape[0]
  // Trainable terms beside the product (a low-rank adapter, a bias) want the gradient of the logits themselves.
  const alone = (addend === undefined || !active.has(addend)) && !apart.has(right)
  if (!fits || !alone || intOf(product, 'transA', 0) === 1) return undefined
  return {
    hidden,
    weight,
    transB: intOf(product, 'transB', 0) === 1,
    alpha: floatOf(product, 'alpha', 1),
    wantsHidden: active.has(left),
    wantsWeight: active.has(right),
  }
}

function productGradients(
  call: PatternCall,
  found: Found,
  gradient: Value,
): readonly (readonly [string, Value])[] | undefined {
  const head = findHead(call, found)
  if (head === undefined) return undefined
  return [
    ...(head.wantsHidden ? [[head.hidden.name, hiddenGradient(call, found, gradient, head)] as const] : []),
    ...(head.wantsWeight ? [[head.weight.name, weightGradient(call, found, gradient, head)] as const] : []),
  ]
}

function hiddenGradient({ builder }: PatternCall, found: Found, gradient: Value, head: Head): Value {
  const { mul, reshape, transpose } = algebra(builder)
  const [probabilities, labels] = [builder.value(found.probabilities), builder.value(found.labels)]
  const { hidden, weight, transB, alpha } = head
  const flat = reshape(labels, [labels.shape[0] as number])
  const chosen = builder.op('Gather', [weight, flat], { attributes: { axis: int(transB ? 0 : 1) } })
  const rows = transB ? chosen : transpose(chosen, [1, 0]) // (N, D)
  const attributes = { transB: int(transB ? 0 : 1), alpha: float(alpha), beta: float(-alpha) }
  const difference = builder.op('Gemm', [probabilities, weight, rows], { attributes })
  return reshape(mul(difference, gradient), hidden.shape)
}

function weightGradient({ builder }: PatternCall, found: Found, gradient: Value, head: Head): Value {
  const { mul, reshape, transpose, product, apply } = algebra(builder)
  const [probabilities, labels] = [builder.value(found.probabilities), builder.value(found.labels)]
  const width = head.hidden.shape.at(-1) as number
  const hidden = reshape(head.hidden, [labels.shape[0] as number, width])
  const scaled = mul(mul(hidden, gradient), head.alpha) // (N, D)
  const whole = product(probabilities, scaled, { transA: true }) // (V, D)
  const less = builder.op('ScatterND', [whole, labels, apply('Neg', scaled)], { attributes: ADD })
  return head.transB ? less : transpose(less, [1, 0])
}
