import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { axisOf, floatOf, type Graph, int, intOf, type Node, type Value } from '../graph/graph.js'

/**
 * A graph that computes the inverse standard deviations of its SimplifiedLayerNormalization nodes apart: onnxruntime's
 * WebGPU kernel (1.30) gives the mean in their place.
 */
export function withPlainStatistics(graph: Graph): Graph {
  if (!graph.nodes.some(hasStatistics)) return graph
  const { inputs, weights } = graph
  const types = new Map(
    [...inputs, ...weights.values()].map(({ name, element, shape }) => [name, { element, shape }]),
  )
  const builder = createBuilder({ inputs, outputs: [], weights, nodes: [], types })
  for (const node of graph.nodes) {
    if (hasStatistics(node)) appendApart(builder, node)
    else builder.append(node)
  }
  for (const { name } of graph.outputs) builder.output(builder.value(name))
  return builder.build()
}

const hasStatistics = ({ op, outputs }: Node): boolean =>
  op === 'SimplifiedLayerNormalization' && (outputs[1] ?? '') !== ''

/** 1 / sqrt(mean(x^2) + epsilon), over the axes from the node's own on. */
function appendApart(builder: GraphBuilder, node: Node): void {
  const [output, statistics] = node.outputs as readonly [string, string]
  builder.append({ ...node, outputs: [output] })
  const append = (
    op: string,
    inputs: readonly Value[],
    name = `${statistics}:${op}`,
    attributes = {},
  ): Value => {
    const names = inputs.map((input) => input.name)
    return builder.append({ name, op, domain: '', inputs: names, outputs: [name], attributes })[0] as Value
  }
  const given = builder.value(node.inputs[0] as string)
  const x = given.element === 'float32' ? given : append('Cast', [given], undefined, { to: int(1) })
  const first = axisOf(intOf(node, 'axis', -1), x.shape.length)
  const axes = x.shape.flatMap((_, axis) => (axis < first ? [] : [axis]))
  const mean = append('ReduceMean', [append('Mul', [x, x]), builder.constant(axes, 'int64')])
  const variance = append('Add', [mean, builder.constant(floatOf(node, 'epsilon', 1e-5))])
  append('Reciprocal', [append('Sqrt', [variance])], statistics)
}
