import type { Constant, OperatorInput } from '../operators/operator.js'
import { operatorOf } from '../operators/registry.js'
import { constantFromWeight, weightBytes } from './constant.js'
import type { Attributes, Element, Graph, Node, TensorType, Value, Weight } from './graph.js'
import { sizeOf } from './graph.js'

/** Weights up to this many elements are read as constants, so that shapes computed from them are known. */
const CONSTANT_ELEMENTS = 4096

export interface NodeOptions {
  readonly attributes?: Attributes
  readonly domain?: '' | 'com.microsoft'
  /** How many outputs the node has; 1 unless stated. */
  readonly outputs?: number
  readonly name?: string
  readonly module?: string
  readonly detached?: boolean
}

/** Appends operators to a graph; each value's type is inferred as it is added. Not shared: build, then let go. */
export interface GraphBuilder {
  input(name: string, element: Element, shape: readonly number[]): Value
  weight(weight: Weight): Value
  /** A small weight from numbers; equal constants share one weight. */
  constant(values: number | readonly number[], element?: Element, shape?: readonly number[]): Value
  /** Appends a node and returns its first output. An undefined input is an omitted optional one. */
  op(op: string, inputs: readonly (Value | undefined)[], options?: NodeOptions): Value
  /** Appends a node and returns all of its outputs. */
  ops(op: string, inputs: readonly (Value | undefined)[], options?: NodeOptions): readonly Value[]
  /** Appends an existing node under its own output names (used when a graph is extended or rewritten). */
  append(node: Node): readonly Value[]
  value(name: string): Value
  has(name: string): boolean
  constantOf(value: Value): Constant | undefined
  /** The frozen value of a name; undefined when it is an input or computed. */
  weightOf(name: string): Weight | undefined
  output(value: Value): void
  build(): Graph
}

export interface BuilderOptions {
  /** Whether the outputs of the copied graph stay; they do unless this is false. */
  readonly keepOutputs?: boolean
  /** Names that no new value gets, because nodes that are still to be appended have them. */
  readonly reserved?: Iterable<string>
}

/** Starts a graph, empty or as a copy of `from`. */
export function createBuilder(from?: Graph, options: BuilderOptions = {}): GraphBuilder {
  const inputs: Value[] = [...(from?.inputs ?? [])]
  const outputs: Value[] = from !== undefined && options.keepOutputs !== false ? [...from.outputs] : []
  const weights = new Map<string, Weight>(from?.weights ?? [])
  const nodes: Node[] = [...(from?.nodes ?? [])]
  const types = new Map<string, TensorType>(from?.types ?? [])
  // A node whose output was renamed keeps its name.
  const nodeNames = new Set([...nodes.map(({ name }) => name), ...(options.reserved ?? [])])
  const constants = new Map<string, Constant | undefined>()
  const shared = new Map<string, Value>()
  let counter = 0

  const freshName = (stem: string): string => {
    let name: string
    do name = `${stem}_${counter++}`
    while (types.has(name) || nodeNames.has(name))
    return name
  }
  const register = (name: string, type: TensorType): Value => {
    if (types.has(name)) throw new RangeError(`the graph already has a value named "${name}"`)
    types.set(name, { element: type.element, shape: type.shape })
    return { name, element: type.element, shape: type.shape }
  }
  const value = (name: string): Value => {
    const type = types.get(name)
    if (type === undefined) throw new RangeError(`the graph has no value named "${name}"`)
    return { name, ...type }
  }
  const constantOf = ({ name }: { readonly name: string }): Constant | undefined => {
    if (constants.has(name)) return constants.get(name)
    const weight = weights.get(name)
    const small = weight !== undefined && sizeOf(weight.shape) <= CONSTANT_ELEMENTS
    const constant = small ? constantFromWeight(weight) : undefined
    constants.set(name, constant)
    return constant
  }
  const known = (name: string): OperatorInput | undefined => {
    if (name === '') return undefined
    const { element, shape } = value(name)
    const constant = constantOf({ name })
    return { element, shape, ...(constant === undefined ? {} : { constant }) }
  }
  const append = (node: Node): readonly Value[] => {
    const types = inferTypes(node, node.inputs.map(known))
    nodes.push(node)
    nodeNames.add(node.name)
    return node.outputs.flatMap((name, index) => {
      const type = types[index]
      if (name === '') return []
      if (type === undefined) throw new TypeError(`${node.op} has no output ${index}`)
      return [register(name, type)]
    })
  }
  const ops = (
    op: string,
    args: readonly (Value | undefined)[],
    given: NodeOptions = {},
  ): readonly Value[] => {
    const stem = given.name ?? op.toLowerCase()
    const outputs = Array.from({ length: given.outputs ?? 1 }, () => freshName(stem))
    return append({
      name: outputs[0] ?? stem,
      op,
      domain: given.domain ?? '',
      inputs: args.map((arg) => arg?.name ?? ''),
      outputs,
      attributes: given.attributes ?? {},
      ...(given.module === undefined ? {} : { module: given.module }),
      ...(given.detached === undefined ? {} : { detached: given.detached }),
    })
  }

  return {
    input(name, element, shape) {
      const added = register(name, { element, shape })
      inputs.push(added)
      return added
    },
    weight(weight) {
      weights.set(weight.name, weight)
      return register(weight.name, weight)
    },
    constant(values, element = 'float32', shape) {
      const list = typeof values === 'number' ? [values] : values
      const type = { element, shape: shape ?? (typeof values === 'number' ? [] : [list.length]) }
      const key = JSON.stringify([element, type.shape, list.map(String)])
      const existing = shared.get(key)
      if (existing !== undefined) return existing
      const name = freshName('constant')
      weights.set(name, { name, ...type, data: { kind: 'bytes', bytes: weightBytes(list, element) } })
      const added = register(name, type)
      shared.set(key, added)
      return added
    },
    op(op, args, given) {
      const [first] = ops(op, args, given)
      if (first === undefined) throw new TypeError(`${op} gave no output`)
      return first
    },
    ops,
    append,
    value,
    has: (name) => types.has(name),
    constantOf,
    weightOf: (name) => weights.get(name),
    output(added) {
      outputs.push(added)
    },
    build: () => ({ inputs, outputs, weights, nodes, types }),
  }
}

function inferTypes(node: Node, inputs: readonly (OperatorInput | undefined)[]): readonly TensorType[] {
  try {
    return operatorOf(node.op, node.domain).infer({ node, inputs })
  } catch (cause) {
    const shapes = inputs.map((input) =>
      input === undefined ? '-' : `${input.element}(${input.shape.join(', ')})`,
    )
    const place = node.module === undefined ? `"${node.name}"` : `"${node.name}" of module ${node.module}`
    throw new TypeError(`${node.op} ${place} with inputs ${shapes.join(' ')}: ${(cause as Error).message}`, {
      cause,
    })
  }
}
