/**
 * Matrix products.
 * @module
 */
import { broadcastShape, floatOf, intOf, sizeOf } from '../graph/graph.js'
import { broadcastIndices } from './elementwise.js'
import { type Constant, type Operator, type OperatorCall, type Operators, required } from './operator.js'

interface ProductShape {
  readonly batch: readonly number[]
  readonly rows: number
  readonly inner: number
  readonly columns: number
  readonly shape: readonly number[]
}

function productShape(
  left: readonly number[],
  right: readonly number[],
  transA: boolean,
  transB: boolean,
): ProductShape {
  const a = left.length === 1 ? [1, ...left] : left
  const b = right.length === 1 ? [...right, 1] : right
  const [ra, ca] = transA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)]
  const [rb, cb] = transB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)]
  if (ra === undefined || ca === undefined || rb === undefined || cb === undefined || ca !== rb) {
    throw new RangeError(`expected equal inner sizes, got ${ca} and ${rb}`)
  }
  const batch = broadcastShape(a.slice(0, -2), b.slice(0, -2))
  const shape = [...batch, ...(left.length === 1 ? [] : [ra]), ...(right.length === 1 ? [] : [cb])]
  return { batch, rows: ra, inner: ca, columns: cb, shape }
}

function multiply(
  left: Constant,
  right: Constant,
  transA: boolean,
  transB: boolean,
  alpha: number,
): Constant {
  const { batch, rows, inner, columns, shape } = productShape(left.shape, right.shape, transA, transB)
  const leftBatch = broadcastIndices(left.shape.slice(0, -2), batch)
  const rightBatch = broadcastIndices(right.shape.slice(0, -2), batch)
  const data = new Float64Array(sizeOf(batch) * rows * columns)
  for (let item = 0; item < sizeOf(batch); item++) {
    const l = (leftBatch[item] as number) * rows * inner
    const r = (rightBatch[item] as number) * inner * columns
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0
        for (let k = 0; k < inner; k++) {
          const x = left.data[l + (transA ? k * rows + row : row * inner + k)] as number
          sum += x * (right.data[r + (transB ? column * inner + k : k * columns + column)] as number)
        }
        data[(item * rows + row) * columns + column] = alpha * sum
      }
    }
  }
  return { element: left.element, shape, data }
}

function matmul(
  flags: (node: OperatorCall['node']) => { transA: boolean; transB: boolean; alpha: number },
): Operator {
  return {
    infer: ({ node, inputs }) => {
      const left = required(inputs, 0, node.op)
      const { transA, transB } = flags(node)
      return [
        {
          element: left.element,
          shape: productShape(left.shape, required(inputs, 1, node.op).shape, transA, transB).shape,
        },
      ]
    },
    evaluate: (node, inputs) => {
      const { transA, transB, alpha } = flags(node)
      return [multiply(required(inputs, 0, node.op), required(inputs, 1, node.op), transA, transB, alpha)]
    },
  }
}

const gemm: Operator = {
  infer: ({ node, inputs }) => {
    const left = required(inputs, 0, node.op)
    const right = required(inputs, 1, node.op)
    if (left.shape.length !== 2 || right.shape.length !== 2) throw new RangeError('expected two matrices')
    const { shape } = productShape(
      left.shape,
      right.shape,
      intOf(node, 'transA', 0) === 1,
      intOf(node, 'transB', 0) === 1,
    )
    if (inputs[2] !== undefined && sizeOf(broadcastShape(inputs[2].shape, shape)) !== sizeOf(shape)) {
      throw new RangeError(
        `expected a bias that broadcasts to (${shape.join(', ')}), got (${inputs[2].shape.join(', ')})`,
      )
    }
    return [{ element: left.element, shape }]
  },
  evaluate: (node, inputs) => {
    const alpha = floatOf(node, 'alpha', 1)
    const beta = floatOf(node, 'beta', 1)
    const transA = intOf(node, 'transA', 0) === 1
    const product = multiply(
      required(inputs, 0, node.op),
      required(inputs, 1, node.op),
      transA,
      intOf(node, 'transB', 0) === 1,
      alpha,
    )
    const bias = inputs[2]
    if (bias === undefined) return [product]
    const from = broadcastIndices(bias.shape, product.shape)
    return [
      {
        ...product,
        data: product.data.map((x, flat) => x + beta * (bias.data[from[flat] as number] as number)),
      },
    ]
  },
}

export const products: Operators = {
  MatMul: matmul(() => ({ transA: false, transB: false, alpha: 1 })),
  Gemm: gemm,
}

export const productsContrib: Operators = {
  FusedMatMul: matmul((node) => ({
    transA: intOf(node, 'transA', 0) === 1,
    transB: intOf(node, 'transB', 0) === 1,
    alpha: floatOf(node, 'alpha', 1),
  })),
}
