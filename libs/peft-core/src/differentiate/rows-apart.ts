/**
 * Whether a graph keeps the rows of a batch apart, so that nothing of one row changes what another one gives.
 *
 * A value keeps them apart when its first axis that is longer than 1, the row axis, has the rows in order, one stretch of equal
 * length each. Operators that are not known to preserve this are taken to mix rows.
 * @module
 */
import { constantFromWeight } from '../graph/constant.js'
import { axisOf, type Graph, intOf, intsOf, type Node } from '../graph/graph.js'

type Shape = readonly number[]

/** A value that is read: the same for every row, or apart. */
interface Read {
  readonly shape: Shape
  readonly isApart: boolean
  readonly name: string
}

interface Call {
  readonly node: Node
  readonly inputs: readonly Read[]
  readonly shape: Shape // of the output
  /** The integers of an input that is known before the graph runs. */
  readonly known: (at: number) => readonly number[] | undefined
  readonly rows: number
}

type Rule = (call: Call) => boolean

/** The place of the row axis. */
const rowAxis = (shape: Shape): number => shape.findIndex((side) => side !== 1)

/** Each output element is made of the elements that broadcast to it. */
const elementwise: Rule = ({ inputs, shape }) => {
  const axis = rowAxis(shape)
  return inputs.every(({ isApart, shape: given }) => {
    const own = rowAxis(given) + shape.length - given.length
    return !isApart || (own === axis && given[rowAxis(given)] === shape[axis])
  })
}

/** Only the order in memory counts, and it stays. */
const reshaping: Rule = ({ inputs }) => inputs.slice(1).every(({ isApart }) => !isApart)

/** What is made along an axis, or along it and all after it, of the first input; nothing else is of a row. */
const along =
  (axes: (call: Call) => readonly number[] | undefined): Rule =>
  (call) => {
    const [data, ...others] = call.inputs
    if (data === undefined || others.some(({ isApart }) => isApart)) return false
    const row = rowAxis(data.shape)
    return axes(call)?.every((axis) => axisOf(axis, data.shape.length) > row) === true
  }

const attributeAxis = (otherwise: number) => along(({ node }) => [intOf(node, 'axis', otherwise)])
const axesInput = along(({ node, known }) => intsOf(node, 'axes') ?? known(1))

/** Sizes of a window do not reach over the first axis. */
const images: Rule = ({ inputs }) =>
  inputs.every(({ isApart, shape }, at) => !isApart || (at === 0 && rowAxis(shape) === 0))

const product: Rule = (call) => {
  const { node, inputs, shape } = call
  const [left, right, ...others] = inputs
  if (left === undefined || right === undefined) return false
  if (intOf(node, 'transBatchA', 0) + intOf(node, 'transBatchB', 0) > 0) return false
  const isRow = ({ shape: given }: Read, flag: string, alone: boolean): boolean => {
    const row = rowAxis(given)
    const outer = given.length - 2
    // The rows of a matrix on the left stay rows of the result; all other axes before the last two are products side by side.
    const stays = row < outer || (alone && row === outer && intOf(node, flag, 0) === 0)
    return stays && row + shape.length - given.length === rowAxis(shape)
  }
  const sideBySide = left.isApart && right.isApart
  return (
    (!left.isApart || isRow(left, 'transA', !sideBySide)) &&
    (!right.isApart || isRow(right, 'transB', false)) &&
    elementwise({ ...call, inputs: others })
  )
}

const transpose: Rule = ({ node, inputs: [data], shape }) => {
  if (data === undefined) return false
  const order = intsOf(node, 'perm') ?? data.shape.map((_, axis) => data.shape.length - 1 - axis)
  return order[rowAxis(shape)] === rowAxis(data.shape)
}

/** Found by each row in a table, or along a later axis; or at known places that stay in the rows. */
const gather: Rule = ({ node, inputs: [data, indices], shape, known, rows }) => {
  if (data === undefined || indices === undefined) return false
  const axis = axisOf(intOf(node, 'axis', 0), data.shape.length)
  if (!data.isApart) return axis + rowAxis(indices.shape) === rowAxis(shape)
  if (indices.isApart) return false
  const row = rowAxis(data.shape)
  if (axis !== row) return axis > row
  const places = known(1)
  return places !== undefined && staysInRow(places, data.shape[row] as number, rows)
}

/** Whether as many places of an axis are picked from each row, in the order of the rows. */
function staysInRow(places: readonly number[], side: number, rows: number): boolean {
  const [stretch, kept] = [side / rows, places.length / rows]
  const rowOf = (place: number): number => Math.floor((place < 0 ? place + side : place) / stretch)
  return (
    kept >= 1 && Number.isInteger(kept) && places.every((place, at) => rowOf(place) === Math.floor(at / kept))
  )
}

/** Places that are the same for every row have a known first index, or are known whole. */
const gatherND: Rule = ({ node, inputs: [data, indices], known, rows }) => {
  if (data === undefined || indices === undefined || !data.isApart || indices.isApart) return false
  if (intOf(node, 'batch_dims', 0) > rowAxis(data.shape)) return true
  const places = known(1)
  const depth = indices.shape.at(-1) as number
  const row = rowAxis(data.shape)
  if (places === undefined || row >= depth) return false
  const firsts = places.filter((_, at) => at % depth === row)
  return staysInRow(firsts, data.shape[row] as number, rows)
}

const joined: Rule = ({ node, inputs, shape }) => {
  const axis = axisOf(intOf(node, 'axis', 0), shape.length)
  const row = rowAxis(shape)
  return axis > row && inputs.every(({ isApart, shape: given }) => !isApart || rowAxis(given) === row)
}

const rulesByName: readonly (readonly [Rule, readonly string[]])[] = [
  [
    elementwise,
    [
      ...[
        'Add',
        'Sub',
        'Mul',
        'Div',
        'Mod',
        'Pow',
        'Max',
        'Min',
        'Sum',
        'Equal',
        'Less',
        'LessOrEqual',
        'Greater',
      ],
      ...[
        'GreaterOrEqual',
        'And',
        'Or',
        'Xor',
        'Not',
        'IsNaN',
        'IsInf',
        'Neg',
        'Abs',
        'Sign',
        'Floor',
        'Ceil',
      ],
      ...[
        'Sqrt',
        'Exp',
        'Log',
        'Tanh',
        'Sigmoid',
        'Erf',
        'Relu',
        'LeakyRelu',
        'Softplus',
        'Reciprocal',
        'Cos',
      ],
      ...['Sin', 'Identity', 'Gelu', 'Cast', 'Clip', 'Where', 'FastGelu', 'QuickGelu'],
    ],
  ],
  [reshaping, ['Reshape', 'Unsqueeze', 'Squeeze', 'Flatten']],
  [product, ['MatMul', 'Gemm', 'FusedMatMul']],
  [along(() => [-1]), ['MatMulNBits']],
  [
    attributeAxis(-1),
    ['Softmax', 'LogSoftmax', 'LayerNormalization', 'SimplifiedLayerNormalization', 'TopK'],
  ],
  [attributeAxis(0), ['Split', 'ArgMax']],
  [axesInput, ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare']],
  [along(({ known }) => known(1)), ['CumSum']],
  [along(({ known, inputs }) => known(3) ?? inputs[0]?.shape.map((_, axis) => axis)), ['Slice']],
  [transpose, ['Transpose']],
  [gather, ['Gather']],
  [gatherND, ['GatherND']],
  [joined, ['Concat']],
  [(call) => elementwise({ ...call, inputs: call.inputs.slice(0, 1) }), ['Expand']],
  [images, ['Conv', 'MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool']],
  [
    ({ inputs }) => inputs.every(({ isApart, shape }) => !isApart || rowAxis(shape) === 0),
    ['RotaryEmbedding'],
  ],
]

const rules: ReadonlyMap<string, Rule> = new Map(
  rulesByName.flatMap(([rule, names]) => names.map((name) => [name, rule] as const)),
)

/**
 * TypeError that names the first operator by which rows of a batch may be mixed, on the way from the inputs named `batched`, whose
 * first axis has the rows, to the outputs.
 */
export function expectRowsApart(graph: Graph, batched: ReadonlySet<string>, rows: number): void {
  if (rows === 1) return // nobody to be mixed with
  const apart = new Set(graph.inputs.flatMap(({ name }) => (batched.has(name) ? [name] : [])))
  const shapeOf = (name: string): Shape => graph.types.get(name)?.shape ?? []
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => apart.has(name))) continue
    const inputs = node.inputs.map((name) => ({ name, shape: shapeOf(name), isApart: apart.has(name) }))
    const known = (at: number): readonly number[] | undefined => {
      const weight = graph.weights.get(node.inputs[at] ?? '')
      return weight && Array.from(constantFromWeight(weight)?.data ?? [])
    }
    for (const output of node.outputs) {
      if (output === '') continue
      const shape = shapeOf(output)
      const keeps = rules.get(node.op)?.({ node, inputs, shape, known, rows }) ?? node.op === 'Shape'
      if (!keeps || (node.op !== 'Shape' && (shape[rowAxis(shape)] ?? 1) % rows !== 0)) throw mixing(node)
      if (node.op !== 'Shape') apart.add(output)
    }
  }
}

function mixing({ op, name, module }: Node): TypeError {
  const place = module === undefined ? `"${name}"` : `"${name}" of module ${module}`
  return new TypeError(
    `${op} ${place} is not known to keep the rows of a batch apart, so that an example's gradient might depend on others; per-example privacy is not offered for this model`,
  )
}
