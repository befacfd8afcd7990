/**
 * Support for tests: one operator of a model as it is, and as what it is rewritten to.
 * @module
 */
import { createBuilder } from './builder.js'
import { weightBytes } from './constant.js'
import {
  type Attributes,
  type Element,
  type Graph,
  int,
  sizeOf,
  type TensorType,
  type Value,
  type Weight,
} from './graph.js'
import type { OnnxModel } from './onnx-model.js'
import { specialise } from './specialise.js'

/** An input: floating numbers that are random and trained, or whole numbers as they are stated (a weight). */
export type Input = readonly number[] | (TensorType & { readonly data: readonly number[] }) | null

export interface OperatorCase {
  readonly title: string
  readonly op: string
  readonly domain?: '' | 'com.microsoft'
  readonly attributes?: Attributes
  readonly inputs: readonly Input[]
  readonly outputs: readonly (TensorType | readonly number[] | null)[]
  /** How many of the rows' tokens count; the others are padding, for which operators give what they like. */
  readonly counted?: readonly number[]
}

/** Numbers between -1 and 1 that look random and are the same in every run. */
export function numbers(count: number, seed: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453
    return Math.fround(2 * (wave - Math.floor(wave)) - 1)
  })
}

/** Whole numbers that an operator reads, as they are stated. */
export const whole = (shape: readonly number[], data: readonly number[], element: Element = 'int32') => ({
  element,
  shape,
  data,
})

const isStated = (input: Input): input is TensorType & { readonly data: readonly number[] } =>
  input !== null && 'data' in input

const typeOf = (type: TensorType | readonly number[]): TensorType =>
  'element' in type ? type : { element: 'float32', shape: type }

function parts({ inputs, outputs, op, domain = 'com.microsoft', attributes = {} }: OperatorCase) {
  const values = inputs.flatMap((input, at): Value[] =>
    input === null || isStated(input) ? [] : [{ name: `x${at}`, element: 'float32', shape: input }],
  )
  const weights = inputs.flatMap((input, at): Weight[] => {
    if (!isStated(input)) return []
    const bytes = weightBytes(input.data, input.element)
    return [{ name: `x${at}`, element: input.element, shape: input.shape, data: { kind: 'bytes', bytes } }]
  })
  const results = outputs.flatMap((output, at): Value[] =>
    output === null ? [] : [{ name: `y${at}`, ...typeOf(output) }],
  )
  const node = {
    name: 'fused',
    op,
    domain,
    attributes,
    inputs: inputs.map((input, at) => (input === null ? '' : `x${at}`)),
    outputs: outputs.map((output, at) => (output === null ? '' : `y${at}`)),
  }
  return { values, weights: new Map(weights.map((weight) => [weight.name, weight])), results, node }
}

/** The operator itself, as onnxruntime has it. */
export function fusedGraph(given: OperatorCase): Graph {
  const { values, weights, results, node } = parts(given)
  const types = new Map([...values, ...weights.values(), ...results].map((value) => [value.name, value]))
  return { inputs: values, outputs: results, weights, nodes: [node], types }
}

/** What the operator is rewritten to. */
export function rewrittenGraph(given: OperatorCase): Graph {
  const { values, weights, results, node } = parts(given)
  const stated = (value: Value) => ({ ...value, kind: 'tensor', sides: value.shape }) as const
  const model: OnnxModel = {
    irVersion: 10,
    operatorSets: new Map([
      ['', 24],
      ['com.microsoft', 1],
    ]),
    producer: 'test',
    inputs: values.map(stated),
    outputs: results.map(stated),
    initializers: weights,
    nodes: [{ ...node, opaque: new Map(), metadata: new Map() }],
    metadata: new Map(),
  }
  const shapes = new Map(values.map(({ name, shape }) => [name, shape]))
  return specialise(model, { shapes, outputs: results.map(({ name }) => name) })
}

/** Random numbers for each input of a graph. */
export const feedsOf = ({ inputs }: Graph): ReadonlyMap<string, readonly number[]> =>
  new Map(inputs.map(({ name, shape }, at) => [name, numbers(sizeOf(shape), at + 1)]))

/** The graph with the sum of its first output times numbers, row by row as far as they count, as `loss`. */
export function withLoss(graph: Graph, counted: readonly number[] | undefined): Graph {
  const builder = createBuilder(graph, { keepOutputs: false })
  const [output] = graph.outputs as [Value]
  const factors = numbers(sizeOf(output.shape), 9)
  const perRow = factors.length / (output.shape[0] as number)
  const perToken = perRow / (output.shape[1] as number)
  const kept = factors.map((x, at) =>
    (at % perRow) / perToken < (counted?.[Math.floor(at / perRow)] ?? Infinity) ? x : 0,
  )
  const products = builder.op('Mul', [output, builder.constant(kept, 'float32', output.shape)])
  const sum = builder.op('ReduceSum', [products], { attributes: { keepdims: int(0) } })
  builder.append({
    name: 'loss',
    op: 'Identity',
    domain: '',
    inputs: [sum.name],
    outputs: ['loss'],
    attributes: {},
  })
  builder.output(builder.value('loss'))
  return builder.build()
}
