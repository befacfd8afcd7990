/**
 * Half-precision models, computed in float32: their weights stay as they are stored, and are cast where they are used.
 * @module
 */
import { constantFromWeight, weightFromConstant } from './constant.js'
import { type Attribute, type Element, int, type Weight } from './graph.js'
import type { OnnxModel, OnnxNode, OnnxSubgraph, OnnxValue } from './onnx-model.js'

/** ONNX's number of float32. */
const FLOAT32 = 1

/** ONNX's numbers of float16 and bfloat16. */
const HALF_NUMBERS: readonly number[] = [10, 16]

/** Vectors, and tensors of fewer numbers, are kept as float32. */
const SMALL_ELEMENTS = 4096

type Body = Pick<OnnxSubgraph, 'nodes' | 'initializers'>

const isHalf = (element: Element | undefined): boolean => element === 'float16' || element === 'bfloat16'

/**
 * The model with float32 in the place of float16 and bfloat16 in all that it computes. Matrices stay half-precision
 * initializers, each with a cast for those that multiply by it; of a table only the rows that are looked up are cast.
 */
export function widened(model: OnnxModel): OnnxModel {
  return { ...model, ...body(model, new Map()), ...sides(model) }
}

function sides({ inputs, outputs }: OnnxModel): Pick<OnnxModel, 'inputs' | 'outputs'> {
  const wide = (value: OnnxValue): OnnxValue =>
    isHalf(value.element) ? { ...value, element: 'float32' } : value
  return { inputs: inputs.map(wide), outputs: outputs.map(wide) }
}

/** A graph, given the names of the casts of half-precision values around it. */
function body(graph: Body, around: ReadonlyMap<string, string>): Body {
  const { nodes, initializers } = withoutConstants(graph)
  const scales = new Set(nodes.flatMap(({ op, inputs }) => (op === 'MatMulNBits' ? inputs.slice(2) : [])))
  const isCast = (weight: Weight): boolean => isLarge(weight) && !scales.has(weight.name)
  const large = [...initializers.values()].filter((weight) => isHalf(weight.element) && isCast(weight))
  const own = new Set([...initializers.keys(), ...nodes.flatMap(({ outputs }) => outputs)])
  const casts = new Map([
    ...[...around].filter(([name]) => !own.has(name)),
    ...large.map(({ name }) => [name, `${name}:float32`] as const),
  ])
  const kept = [...initializers].map(
    ([name, weight]) =>
      [name, isHalf(weight.element) && !isCast(weight) ? wideWeight(weight) : weight] as const,
  )
  return {
    initializers: new Map(kept),
    nodes: [
      ...large.map(({ name }) => cast(name, `${name}:float32`)),
      ...nodes.flatMap((node) => wideNode(node, casts)),
    ],
  }
}

/** A graph whose half-precision constants are initializers. */
function withoutConstants({ nodes, initializers }: Body): Body {
  const constants = nodes.flatMap((node): readonly (readonly [string, Weight])[] => {
    const weight = halfConstant(node)
    return weight === undefined ? [] : [[weight.name, weight]]
  })
  if (constants.length === 0) return { nodes, initializers }
  return {
    nodes: nodes.filter((node) => halfConstant(node) === undefined),
    initializers: new Map([...initializers, ...constants]),
  }
}

function halfConstant({ op, domain, attributes, outputs }: OnnxNode): Weight | undefined {
  const { value } = attributes
  if (op !== 'Constant' || domain !== '' || value?.kind !== 'tensor' || !isHalf(value.value.element))
    return undefined
  return { ...value.value, name: outputs[0] ?? '' }
}

function isLarge({ shape }: Weight): boolean {
  return shape.length > 1 && shape.reduce((size, side) => size * side, 1) >= SMALL_ELEMENTS
}

function wideWeight(weight: Weight): Weight {
  return weightFromConstant(weight.name, { ...constantFromWeight(weight), element: 'float32' })
}

function wideNode(node: OnnxNode, casts: ReadonlyMap<string, string>): readonly OnnxNode[] {
  const [table] = node.inputs
  if (node.op === 'Gather' && node.domain === '' && table !== undefined && casts.has(table)) {
    const output = node.outputs[0] as string
    return [{ ...node, outputs: [`${output}:half`] }, cast(`${output}:half`, output)]
  }
  const attributes = Object.entries(node.attributes).map(
    ([name, attribute]) => [name, wideAttribute(node, name, attribute)] as const,
  )
  const subgraphs = [...(node.subgraphs ?? [])].map(
    ([name, graph]) => [name, wideBranch(graph, casts)] as const,
  )
  return [
    {
      ...node,
      inputs: node.inputs.map((name) => casts.get(name) ?? name),
      attributes: Object.fromEntries(attributes),
      ...(node.subgraphs === undefined ? {} : { subgraphs: new Map(subgraphs) }),
    },
  ]
}

function wideBranch(graph: OnnxSubgraph, around: ReadonlyMap<string, string>): OnnxSubgraph {
  const wide = body(graph, around)
  const given = new Set([...wide.initializers.keys(), ...wide.nodes.flatMap(({ outputs }) => outputs)])
  const outputs = graph.outputs.map((name) => {
    const own = `${name}:float32`
    return given.has(own) ? own : given.has(name) ? name : (around.get(name) ?? name)
  })
  return { ...wide, outputs }
}

function wideAttribute({ op }: OnnxNode, name: string, attribute: Attribute): Attribute {
  if (op === 'Cast' && name === 'to' && attribute.kind === 'int' && HALF_NUMBERS.includes(attribute.value))
    return int(FLOAT32)
  if (attribute.kind === 'tensor' && isHalf(attribute.value.element))
    return { ...attribute, value: wideWeight(attribute.value) }
  return attribute
}

function cast(from: string, to: string): OnnxNode {
  const nothing: ReadonlyMap<string, string> = new Map()
  return {
    name: `cast:${to}`,
    op: 'Cast',
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: { to: int(FLOAT32) },
    opaque: nothing,
    metadata: nothing,
  }
}
