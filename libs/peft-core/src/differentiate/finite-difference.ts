/**
 * Support for tests: one operator as a graph with a loss, and its gradients by central differences in float64.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import type { Attributes, Element, Graph, Value } from '../graph/graph.js'
import { reference } from '../runtime/reference.js'
import { differentiate, gradientName } from './backward.js'

export interface Numbers {
  readonly element: Element
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

/** One node; the loss is the sum of each output times its `upstream` numbers. */
export interface OperatorCase {
  readonly name: string
  readonly op: string
  readonly domain: '' | 'com.microsoft'
  readonly attributes: Attributes
  readonly inputs: readonly (Numbers | null)[]
  /** The positions of the inputs to differentiate; the others are constants. */
  readonly trained: readonly number[]
  readonly upstream: readonly (Numbers | null)[]
}

const inputName = (index: number): string => `x${index}`

/** The loss graph of a case, with the node's outputs beside the loss. */
export function caseGraph(operator: OperatorCase): Graph {
  const builder = createBuilder()
  const inputs = operator.inputs.map((input, index): Value | undefined => {
    if (input === null) return undefined
    if (operator.trained.includes(index)) return builder.input(inputName(index), input.element, input.shape)
    return builder.constant(input.data, input.element, input.shape)
  })
  const { op, domain, attributes, upstream } = operator
  const outputs = builder.ops(op, inputs, { domain, attributes, outputs: upstream.length })
  const terms = upstream.flatMap((numbers, index) => {
    if (numbers === null) return []
    const weights = builder.constant(numbers.data, numbers.element, numbers.shape)
    return [builder.op('ReduceSum', [builder.op('Mul', [outputs[index], weights])], { attributes: scalar })]
  })
  const loss = terms.reduce((so, term) => builder.op('Add', [so, term]))
  builder.append({
    name: 'loss',
    op: 'Identity',
    domain: '',
    inputs: [loss.name],
    outputs: ['loss'],
    attributes: {},
  })
  builder.output(builder.value('loss'))
  for (const output of outputs) builder.output(output)
  return builder.build()
}

const scalar = { keepdims: { kind: 'int', value: 0 } } as const

/** The outputs of a graph as plain numbers, in float64. */
export async function evaluate(
  graph: Graph,
  feeds: ReadonlyMap<string, readonly number[]>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const opened = await reference.open(graph)
  const values = await opened.run(new Map([...feeds].map(([name, data]) => [name, Float64Array.from(data)])))
  return new Map([...values].map(([name, value]) => [name, Array.from(value.data)]))
}

export function caseFeeds({ inputs, trained }: OperatorCase): ReadonlyMap<string, readonly number[]> {
  return new Map(trained.map((index) => [inputName(index), inputs[index]?.data ?? []]))
}

/** The gradients of the trained inputs, by the rules. */
export async function ruleGradients(operator: OperatorCase): Promise<readonly (readonly number[])[]> {
  const names = operator.trained.map(inputName)
  const values = await evaluate(differentiate(caseGraph(operator), 'loss', names), caseFeeds(operator))
  return names.map((name) => values.get(gradientName(name)) ?? [])
}

/** The gradients of some inputs of a loss graph, by moving each number a little both ways. */
export async function numericGradients(
  graph: Graph,
  feeds: ReadonlyMap<string, readonly number[]>,
  names: readonly string[],
): Promise<readonly (readonly number[])[]> {
  const step = 1e-5
  const opened = await reference.open(graph)
  const lossAt = async (name: string, at: number, by: number): Promise<number> => {
    const moved = new Map([...feeds].map(([key, data]) => [key, Float64Array.from(data)]))
    const values = moved.get(name) as Float64Array
    values[at] = (values[at] as number) + by
    return (await opened.run(moved)).get('loss')?.data[0] as number
  }
  const gradients: number[][] = []
  for (const name of names) {
    const gradient: number[] = []
    for (const at of (feeds.get(name) ?? []).keys()) {
      gradient.push(((await lossAt(name, at, step)) - (await lossAt(name, at, -step))) / (2 * step))
    }
    gradients.push(gradient)
  }
  return gradients
}

export function caseNumericGradients(operator: OperatorCase): Promise<readonly (readonly number[])[]> {
  return numericGradients(caseGraph(operator), caseFeeds(operator), operator.trained.map(inputName))
}
