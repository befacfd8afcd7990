/**
 * Writing the nodes that stand for one node of a model: intermediate values get names of their own.
 * @module
 */
import { type Attributes, float, int, ints } from './graph.js'
import { type NewNode, type Surroundings, standard } from './rewrite.js'

export interface Steps {
  /** The nodes so far, in order. */
  readonly nodes: readonly NewNode[]
  /** Appends an operator of one output, which gets a name of its own unless it is stated. */
  op(op: string, inputs: readonly string[], attributes?: Attributes, output?: string): string
  contrib(op: string, inputs: readonly string[], attributes?: Attributes): string
  /** alpha left right^T, over the last two axes. */
  productTransposed(left: string, right: string, alpha: number): string
  reshape(x: string, shape: readonly number[], output?: string): string
  transpose(x: string, order: readonly number[], output?: string): string
  /** The parts of a value along an axis, of these sizes. */
  split(x: string, sizes: readonly number[], axis: number): readonly string[]
  concat(parts: readonly string[], axis: number, output?: string): string
}

/** Starts the nodes that stand for the node whose first output is `output`. */
export function createSteps(output: string, { constant }: Pick<Surroundings, 'constant'>): Steps {
  const nodes: NewNode[] = []
  const fresh = (): string => `${output}:${nodes.length}`
  const op: Steps['op'] = (name, inputs, attributes = {}, given = fresh()) => {
    nodes.push(standard(name, inputs, [given], attributes))
    return given
  }
  const contrib: Steps['contrib'] = (name, inputs, attributes = {}) => {
    const given = fresh()
    nodes.push({ ...standard(name, inputs, [given], attributes), domain: 'com.microsoft' })
    return given
  }
  return {
    nodes,
    op,
    contrib,
    productTransposed: (left, right, alpha) =>
      contrib('FusedMatMul', [left, right], { transB: int(1), alpha: float(alpha) }),
    reshape: (x, shape, given) => op('Reshape', [x, constant(shape)], {}, given),
    transpose: (x, order, given) => op('Transpose', [x], { perm: ints(order) }, given),
    split: (x, sizes, axis) => {
      const outputs = sizes.map((_, at) => `${fresh()}.${at}`)
      nodes.push(standard('Split', [x, constant(sizes)], outputs, { axis: int(axis) }))
      return outputs
    },
    concat: (parts, axis, given) => op('Concat', parts, { axis: int(axis) }, given),
  }
}
