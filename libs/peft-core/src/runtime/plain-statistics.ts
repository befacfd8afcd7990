import type { GraphBuilder } from '../graph/builder.js'
import { axisOf, floatOf, type Graph, int, intOf, type Node } from '../graph/graph.js'
import { withPlainNodes } from './plain-nodes.js'

/**
 * A graph that computes the inverse standard deviations of its SimplifiedLayerNormalization nodes apart: onnxruntime's
 * WebGPU kernel (1.30) gives the mean in their place.
 */
export const withPlainStatistics = (graph: Graph): Graph => withPlainNodes(graph, hasStatistics, appendApart)

const hasStatistics = ({ op, outputs }: Node): boolean =>
  op === 'SimplifiedLayerNormalization' && (outputs[1] ?? '') !== ''

/** 1 / sqrt(mean(x^2) + epsilon), over the axes from the node's own on. */
function appendApart(builder: GraphBuilder, node: Node): void {
  const [output, statistics] = node.outputs as readonly [string, string]
  builder.append({ ...node, outputs: [output] })
  const given = builder.value(node.inputs[0] as string)
  const x = given.element === 'float32' ? given : builder.op('Cast', [given], { attributes: { to: int(1) } })
  const first = axisOf(intOf(node, 'axis', -1), x.shape.length)
  const axes = x.shape.flatMap((_, axis) => (axis < first ? [] : [axis]))
  const mean = builder.op('ReduceMean', [builder.op('Mul', [x, x]), builder.constant(axes, 'int64')])
  const variance = builder.op('Add', [mean, builder.constant(floatOf(node, 'epsilon', 1e-5))])
  const deviation = builder.op('Sqrt', [variance])
  builder.append({
    ...{ name: statistics, op: 'Reciprocal', domain: '', attributes: {} },
    ...{ inputs: [deviation.name], outputs: [statistics] },
  })
}
