/**
 * From an ONNX model, with sizes that are symbols, to a graph for one batch shape.
 * @module
 */
import { elementNumbers } from '../operators/elementwise.js'
import type { Constant } from '../operators/operator.js'
import { createBuilder, type GraphBuilder } from './builder.js'
import { fold, isMatrixProduct, prune } from './fold.js'
import { type Graph, int, intOf, intsOf, type Node, sameShape, sizeOf, type Value } from './graph.js'
import { isBranch, takenBranch } from './if-branch.js'
import { freeName, type Known, knownConstant, knownConstantNode, knownInput, knownWeight } from './known.js'
import { liveNodes } from './live-nodes.js'
import { OnnxError } from './onnx-error.js'
import type { OnnxModel, OnnxNode } from './onnx-model.js'
import type { NewNode, Surroundings } from './rewrite.js'
import { checkOperators, upgrade } from './upgrade.js'

export interface Specialisation {
  /** The sizes of each input that is to be an input of the graph. An input of no elements becomes a constant. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** The values of inputs that are to be constants. */
  readonly constants?: ReadonlyMap<string, Constant>
  /** The outputs that are wanted; what only others need is left out. */
  readonly outputs: readonly string[]
  /** The module a node belongs to. */
  readonly moduleOf?: (node: OnnxNode) => string | undefined
}

/**
 * The graph of a model for inputs of the given sizes. Everything that follows from the sizes is computed here;
 * weights stay where they are. Errors: UnsupportedOperators; OnnxError when the model contradicts itself or the sizes.
 */
export function specialise(model: OnnxModel, how: Specialisation): Graph {
  const live = liveNodes(model.nodes, how.outputs)
  checkOperators(model, live, (node) => how.moduleOf?.(node))
  const builder = createBuilder()
  const known = new Map<string, Known>()
  const names = new Set<string>()
  const transposed = new Map<string, string>()
  for (const input of model.inputs) {
    const constant = how.constants?.get(input.name)
    const found = constant && knownConstant(builder, input.name, constant)
    known.set(input.name, found ?? knownInput(builder, input, how.shapes))
  }

  const find = (name: string): Known => {
    const weight = model.initializers.get(name)
    const found = known.get(name) ?? (weight && knownWeight(builder, weight))
    if (found === undefined)
      throw new OnnxError('malformed', `the model uses "${name}" before anything gives it a value`)
    known.set(name, found)
    return found
  }
  const around: Omit<Surroundings, 'version'> = {
    typeOf: find,
    constantOf: (name) => (name === '' ? undefined : find(name).constant),
    constant: (values, element = 'int64', shape) => {
      const value = builder.constant(values, element, shape)
      const constant = builder.constantOf(value)
      known.set(value.name, { ...value, ...(constant === undefined ? {} : { constant }), value: () => value })
      return value.name
    },
  }
  const append = (node: Node): readonly Known[] => appendNode({ builder, find, transposed }, node)
  const place = (node: OnnxNode): void => {
    if (isBranch(node)) {
      const { nodes, initializers, outputs } = takenBranch(node, around.constantOf(node.inputs[0] ?? ''))
      for (const [name, weight] of initializers) known.set(name, knownWeight(builder, weight))
      const needed = liveNodes(nodes, outputs)
      checkOperators(model, needed, (inner) => how.moduleOf?.(inner))
      needed.forEach(place)
      for (const [at, name] of node.outputs.entries())
        if (name !== '') known.set(name, find(outputs[at] ?? ''))
      return
    }
    const version = node.version ?? model.operatorSets.get(node.domain) ?? 1
    const module = how.moduleOf?.(node)
    for (const step of upgrade(node, { ...around, version })) {
      const named = withName(step, node.name, names, module)
      for (const [index, result] of append(named).entries()) {
        const output = named.outputs[index]
        if (output !== undefined && output !== '') known.set(output, result)
      }
    }
  }
  live.forEach(place)
  for (const name of how.outputs) builder.output(outputNamed(builder, find(name).value(), name))
  return prune(builder.build())
}

function withName(step: NewNode, given: string, names: Set<string>, module: string | undefined): Node {
  const name =
    given !== '' && !names.has(given) ? given : (step.outputs.find((output) => output !== '') ?? step.op)
  names.add(name)
  return { ...step, name, ...(module === undefined ? {} : { module }) }
}

interface Place {
  readonly builder: GraphBuilder
  readonly find: (name: string) => Known
  /** The weights that are transposed, by the name of the transposed value. */
  readonly transposed: Map<string, string>
}

/** Appends a node unless its outputs are known without it. */
function appendNode({ builder, find, transposed }: Place, node: Node): readonly Known[] {
  if (node.op === 'Constant') return [knownConstantNode(builder, node)]
  const all = node.inputs.map((name) => (name === '' ? undefined : find(name)))
  const filled = all.filter((input) => input !== undefined && sizeOf(input.shape) > 0)
  const inputs = node.op === 'Concat' && filled.length > 0 ? filled : all
  const same = unchanged(node, inputs)
  if (same !== undefined) return [same]
  const folded = isMatrixProduct(node, all) ? undefined : foldNamed(node, all)
  if (folded !== undefined)
    return folded.map((constant, at) => knownConstant(builder, node.outputs[at] ?? '', constant))
  const names = inputs.map((input) => input?.value().name ?? '')
  const outputs = node.outputs.map((name) => (name === '' ? '' : freeName(builder, name)))
  if (isTransposedMatrix(node) && inputs[0]?.weight === true) transposed.set(outputs[0] ?? '', names[0] ?? '')
  const values = builder.append(transposedProduct({ ...node, inputs: names, outputs }, transposed))
  let next = 0
  return node.outputs.map((name): Known => {
    const value = values[name === '' ? next : next++] as Value
    return { ...value, value: () => value }
  })
}

function foldNamed(node: Node, inputs: readonly (Known | undefined)[]): readonly Constant[] | undefined {
  try {
    return fold(node, inputs)
  } catch (cause) {
    const shapes = inputs.map((input) =>
      input === undefined ? '-' : `${input.element}(${input.shape.join(', ')})`,
    )
    const place = node.module ?? node.name
    throw new TypeError(
      `${node.op} at "${place}" with inputs ${shapes.join(' ')}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** The input that a node passes on as it is: Identity, a cast to the same element, a reshape to the same shape, … */
function unchanged(node: Node, inputs: readonly (Known | undefined)[]): Known | undefined {
  const [first, second] = inputs
  if (first === undefined || node.domain !== '') return undefined
  if (node.op === 'Identity' || (node.op === 'Concat' && inputs.length === 1)) return first
  if (node.op === 'Cast') return intOf(node, 'to', 0) === elementNumbers[first.element] ? first : undefined
  const target = second?.constant && [...second.constant.data]
  if (node.op === 'Reshape') return target && sameShape(target, first.shape) ? first : undefined
  if (node.op === 'Expand') {
    const fits = target?.every(
      (side, at) => side === 1 || side === first.shape[at + first.shape.length - target.length],
    )
    return fits && target !== undefined && target.length <= first.shape.length ? first : undefined
  }
  return undefined
}

function isTransposedMatrix(node: Node): boolean {
  const order = intsOf(node, 'perm')
  return node.op === 'Transpose' && order?.length === 2 && order[0] === 1
}

/** x W^T without the transposed copy of W that `MatMul(x, Transpose(W))` would make at every run. */
function transposedProduct(node: Node, transposed: ReadonlyMap<string, string>): Node {
  const weight = transposed.get(node.inputs[1] ?? '')
  if (weight === undefined || node.domain !== '') return node
  const inputs = node.inputs.with(1, weight)
  if (node.op === 'Gemm') {
    return { ...node, inputs, attributes: { ...node.attributes, transB: int(1 - intOf(node, 'transB', 0)) } }
  }
  if (node.op !== 'MatMul') return node
  return { ...node, op: 'FusedMatMul', domain: 'com.microsoft', inputs, attributes: { transB: int(1) } }
}

/** The value under the name of the output; the model's own name for it may belong to an input or a constant. */
function outputNamed(builder: GraphBuilder, value: Value, name: string): Value {
  if (value.name === name) return value
  const identity = {
    name,
    op: 'Identity',
    domain: '',
    inputs: [value.name],
    outputs: [name],
    attributes: {},
  } as const
  const [output] = builder.append(identity)
  return output as Value
}
