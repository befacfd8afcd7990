/**
 * The branch of an `If` that a model takes, when that follows from the sizes of its inputs: merged decoders of Optimum
 * have a branch for an empty and one for a filled cache.
 * Spec: https://onnx.ai/onnx/operators/onnx__If.html
 * @module
 */
import type { Constant } from '../operators/operator.js'
import { OnnxError } from './onnx-error.js'
import type { OnnxNode, OnnxSubgraph } from './onnx-model.js'
import { renamed } from './rename-nodes.js'

/** Whether a node is an `If` whose branches are known. */
export function isBranch({ op, domain, subgraphs }: OnnxNode): boolean {
  return (
    op === 'If' && domain === '' && subgraphs?.has('then_branch') === true && subgraphs.has('else_branch')
  )
}

/** The branch, under names that do not clash with those around it; OnnxError when the condition depends on data. */
export function takenBranch(node: OnnxNode, condition: Constant | undefined): OnnxSubgraph {
  const [value] = condition?.data ?? []
  const branch = node.subgraphs?.get(value === 0 ? 'else_branch' : 'then_branch')
  const prefix = node.outputs.find((name) => name !== '') ?? node.name
  if (value === undefined || branch === undefined) {
    throw new OnnxError(
      'unsupported',
      `If "${node.name || prefix}" chooses by "${node.inputs[0]}", which depends on the data; export the model without it`,
    )
  }
  const own = [...branch.initializers.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)]
  const names = new Map(own.filter((name) => name !== '').map((name) => [name, `${prefix}/${name}`]))
  const nodes = renamed(branch.nodes, { names, prefix }).map((inner, at) => ({
    ...inner,
    name: branch.nodes[at]?.name ?? '',
  }))
  const initializers = [...branch.initializers].map(([name, weight]) => {
    const renamedTo = names.get(name) ?? name
    return [renamedTo, { ...weight, name: renamedTo }] as const
  })
  return {
    nodes,
    initializers: new Map(initializers),
    outputs: branch.outputs.map((name) => names.get(name) ?? name),
  }
}
