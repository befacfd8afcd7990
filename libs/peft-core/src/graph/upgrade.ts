/**
 * Rewrites a node of any operator set from 7 on into nodes that mean the same in operator set 21.
 * Changelog of the operators: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 * @module
 */

import { elementNumbers } from '../operators/elementwise.js'
import { hasOperator } from '../operators/registry.js'
import { type Attributes, axisOf, float, floatOf, int, intOf, intsOf, sizeOf, type Weight } from './graph.js'
import { isBranch } from './if-branch.js'
import { OnnxError, type UnsupportedOperator, UnsupportedOperators } from './onnx-error.js'
import type { OnnxModel, OnnxNode } from './onnx-model.js'
import { asIs, isDomain, type NewNode, type Rewrite, refuse, type Surroundings, standard } from './rewrite.js'
import { createSteps } from './steps.js'
import { upgradesContrib } from './upgrade-contrib.js'
import { rotaryStandard } from './upgrade-rotary.js'
import { sequenceAt, sequenceConstruct, splitToSequence } from './upgrade-sequence.js'
import { standardAttention } from './upgrade-standard-attention.js'

export const OLDEST_OPERATOR_SET = 7
export const NEWEST_OPERATOR_SET = 28

/** The nodes that stand for a node, in order. Errors: OnnxError `unsupported` when it has no counterpart. */
export function upgrade(node: OnnxNode, around: Surroundings): readonly NewNode[] {
  const rule = upgradeOf(node)
  return rule === undefined ? [asIs(node)] : rule(node, around)
}

/** Throws UnsupportedOperators, naming all of them, when a model uses operators that Lorica lacks. */
export function checkOperators(
  model: OnnxModel,
  nodes: readonly OnnxNode[],
  placeOf: (node: OnnxNode) => string | undefined,
): void {
  const version = model.operatorSets.get('') ?? NEWEST_OPERATOR_SET
  if (version < OLDEST_OPERATOR_SET || version > NEWEST_OPERATOR_SET) {
    const range = `${OLDEST_OPERATOR_SET} to ${NEWEST_OPERATOR_SET}`
    throw new OnnxError(
      'unsupported',
      `the model is of operator set ${version}; export it with one from ${range}`,
    )
  }
  const missing = new Map<string, UnsupportedOperator>()
  for (const node of nodes) {
    if (isSupported(node)) continue
    const kinds = [...node.opaque.values()]
    const operator = `${node.domain === '' ? '' : `${node.domain}.`}${node.op}`
    const title = kinds.length === 0 ? operator : `${operator} with ${kinds.join(' and ')}`
    const place = placeOf(node) ?? (node.name || (node.outputs[0] ?? ''))
    const known = missing.get(title)
    missing.set(title, { operator: title, count: (known?.count ?? 0) + 1, example: known?.example ?? place })
  }
  if (missing.size > 0) throw new UnsupportedOperators([...missing.values()])
}

function isSupported(node: OnnxNode): boolean {
  if (isBranch(node)) return true
  if (node.opaque.size > 0) return false
  return upgradeOf(node) !== undefined || (isDomain(node.domain) && hasOperator(node.op, node.domain))
}

function upgradeOf({ op, domain }: OnnxNode): Rewrite | undefined {
  const rules = domain === '' ? upgrades : domain === 'com.microsoft' ? upgradesContrib : {}
  return Object.hasOwn(rules, op) ? rules[op] : undefined
}

function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)))
}

/** Whole numbers that newer operator sets have as an input, and older ones (and some files) as an attribute. */
function attributeToInput(attribute: string, at = 1): Rewrite {
  return (node, around) => {
    const given = node.attributes[attribute]
    const values = given?.kind === 'int' ? [given.value] : intsOf(node, attribute)
    if (values === undefined || node.inputs[at]) return [asIs(node)]
    const inputs = [...node.inputs.slice(0, at), around.constant(values)]
    return [asIs(node, { inputs, attributes: without(node.attributes, attribute) })]
  }
}

/** Before 13, softmax ran over all axes from `axis` on; since then over `axis` only. */
const softmax: Rewrite = (node, { version, typeOf, constant }) => {
  const [input, output] = [node.inputs[0] as string, node.outputs[0] as string]
  const { shape } = typeOf(input)
  const axis = axisOf(intOf(node, 'axis', version < 13 ? 1 : -1), shape.length)
  if (version >= 13 || axis === shape.length - 1) return [asIs(node, { attributes: { axis: int(axis) } })]
  const flat = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))]
  return [
    standard('Reshape', [input, constant(flat)], [`${output}:flat`]),
    standard(node.op, [`${output}:flat`], [`${output}:softmax`], { axis: int(1) }),
    standard('Reshape', [`${output}:softmax`, constant(shape)], [output]),
  ]
}

/** Dropout that is not in training mode, or drops nothing, keeps everything, and its mask says so. */
const dropout: Rewrite = (node, { constantOf, constant, typeOf }) => {
  const [, ratio, training] = node.inputs.map((name) => constantOf(name)?.data[0])
  if (node.inputs[2] && training !== 0 && ratio !== 0) {
    throw new OnnxError(
      'unsupported',
      `Dropout "${node.name}" is in training mode; export the model in evaluation mode`,
    )
  }
  const [input, [output, mask]] = [node.inputs[0] as string, node.outputs as readonly [string, string?]]
  const kept = standard('Identity', [input], [output])
  if (!mask) return [kept]
  const yes: Weight = {
    name: '',
    element: 'bool',
    shape: [1],
    data: { kind: 'bytes', bytes: Uint8Array.of(1) },
  }
  const attributes = { value: { kind: 'tensor', value: yes } } as const
  return [kept, standard('ConstantOfShape', [constant(typeOf(input).shape)], [mask], attributes)]
}

const split: Rewrite = (node, around) => {
  const [upgraded] = attributeToInput('split')(node, around)
  if (upgraded === undefined || upgraded.inputs[1] || around.version >= 18) return [asIs(node, upgraded)]
  return [{ ...upgraded, attributes: { ...upgraded.attributes, num_outputs: int(node.outputs.length) } }]
}

const clip: Rewrite = (node, { version, constant }) => {
  if (version >= 11) return [asIs(node)]
  const bound = (name: string): string =>
    name in node.attributes ? constant(floatOf(node, name, 0), 'float32') : ''
  return [standard('Clip', [node.inputs[0] as string, bound('min'), bound('max')], node.outputs)]
}

const slice: Rewrite = (node, { version, constant }) => {
  const [starts, ends, axes] = [intsOf(node, 'starts'), intsOf(node, 'ends'), intsOf(node, 'axes')]
  if (version >= 10 || starts === undefined || ends === undefined) return [asIs(node)]
  const positions = axes ?? starts.map((_, index) => index)
  const inputs = [node.inputs[0] as string, constant(starts), constant(ends), constant(positions)]
  return [standard('Slice', inputs, node.outputs)]
}

const castLike: Rewrite = (node, { typeOf }) => {
  const to = elementNumbers[typeOf(node.inputs[1] as string).element]
  return [standard('Cast', node.inputs.slice(0, 1), node.outputs, { to: int(to) })]
}

const rmsNormalization: Rewrite = (node) => {
  const attributes = { axis: int(intOf(node, 'axis', -1)), epsilon: float(floatOf(node, 'epsilon', 1e-5)) }
  return [standard('SimplifiedLayerNormalization', node.inputs, node.outputs, attributes)]
}

interface Scalar {
  readonly name: string
  /** What has to come before its use. */
  readonly nodes: readonly NewNode[]
}

/** A number of the element of another value. */
function scalarLike(value: number, like: string, { constant, typeOf }: Surroundings): Scalar {
  const { element } = typeOf(like)
  const name = constant(value, 'float32')
  if (element === 'float32') return { name, nodes: [] }
  const cast = `${like}:${value}`
  return { name: cast, nodes: [standard('Cast', [name], [cast], { to: int(elementNumbers[element]) })] }
}

/** x sigmoid(alpha x) */
const swish: Rewrite = (node, around) => {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string]
  const alpha = scalarLike(floatOf(node, 'alpha', 1), x, around)
  return [
    ...alpha.nodes,
    standard('Mul', [x, alpha.name], [`${output}:scaled`]),
    standard('Sigmoid', [`${output}:scaled`], [`${output}:gate`]),
    standard('Mul', [x, `${output}:gate`], [output]),
  ]
}

/** Of inference: the mean and the variance do not depend on the batch. */
const batchNormalization: Rewrite = (node, around) => {
  if (intOf(node, 'training_mode', 0) === 1)
    refuse(node, 'it is in training mode; export the model in evaluation mode')
  const [x, scale, shift, average, variance] = node.inputs as [string, string, string, string, string]
  const output = node.outputs[0] as string
  const steps = createSteps(output, around)
  const { shape } = around.typeOf(x)
  const sides = shape.slice(1).map((side, axis) => (axis === 0 ? side : 1))
  const widened = steps.op('Add', [variance, around.constant(floatOf(node, 'epsilon', 1e-5), 'float32')])
  const factor = steps.reshape(steps.op('Div', [scale, steps.op('Sqrt', [widened])]), sides)
  const centred = steps.op('Sub', [x, steps.reshape(average, sides)])
  steps.op('Add', [steps.op('Mul', [centred, factor]), steps.reshape(shift, sides)], {}, output)
  return steps.nodes
}

const mean: Rewrite = (node, around) => {
  const output = node.outputs[0] as string
  const count = scalarLike(node.inputs.length, node.inputs[0] as string, around)
  return [
    standard('Sum', node.inputs, [`${output}:sum`]),
    ...count.nodes,
    standard('Div', [`${output}:sum`, count.name], [output]),
  ]
}

const reduce = attributeToInput('axes')

const upgrades: Readonly<Record<string, Rewrite>> = {
  Constant: (node) => [asIs(node)], // has no input; the graph's builder takes its value
  Softmax: softmax,
  LogSoftmax: softmax,
  Squeeze: attributeToInput('axes'),
  Unsqueeze: attributeToInput('axes'),
  ReduceSum: attributeToInput('axes'),
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
  Split: split,
  Clip: clip,
  Slice: slice,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  CastLike: castLike,
  RMSNormalization: rmsNormalization,
  Swish: swish,
  SplitToSequence: splitToSequence,
  SequenceConstruct: sequenceConstruct,
  SequenceAt: sequenceAt,
  Attention: standardAttention,
  RotaryEmbedding: rotaryStandard,
  Mean: mean,
}
