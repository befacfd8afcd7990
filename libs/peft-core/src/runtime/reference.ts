/**
 * Runs a graph one operator at a time in float64: slow, simple, and what the other runtimes are held against.
 * @module
 */
import { constantFromWeight } from '../graph/constant.js'
import type { Element, Graph, Value } from '../graph/graph.js'
import type { Constant } from '../operators/operator.js'
import { operatorOf } from '../operators/registry.js'
import { type Feed, matchFeeds, type Runtime, type TensorData } from './runtime.js'

const floating: ReadonlySet<Element> = new Set(['float16', 'bfloat16', 'float32', 'float64'])

/** The float64 oracle. Weights and values are widened, never rounded to the element they are declared with. */
export const reference: Runtime = {
  async open(graph) {
    const weights = new Map([...graph.weights].map(([name, weight]) => [name, constantFromWeight(weight)]))
    return {
      run: async (feeds) => evaluateGraph(graph, weights, feeds),
      close: async () => {},
    }
  },
}

function evaluateGraph(
  graph: Graph,
  weights: ReadonlyMap<string, Constant>,
  feeds: ReadonlyMap<string, Feed>,
): ReadonlyMap<string, TensorData> {
  const values = new Map(weights)
  for (const [index, feed] of matchFeeds(graph, feeds).entries()) {
    const { name, element, shape } = graph.inputs[index] as Value
    values.set(name, { element, shape, data: Float64Array.from(feed) })
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name)))
    const outputs = operatorOf(node.op, node.domain).evaluate(node, inputs)
    for (const [index, name] of node.outputs.entries()) {
      const output = outputs[index]
      if (name === '') continue
      if (output === undefined) throw new TypeError(`${node.op} "${node.name}" gave no output ${index}`)
      values.set(name, output)
    }
  }
  return new Map(
    graph.outputs.map(({ name, element, shape }) => {
      const { data } = values.get(name) as Constant
      return [name, { element, shape, data: floating.has(element) ? data : Int32Array.from(data) }]
    }),
  )
}
