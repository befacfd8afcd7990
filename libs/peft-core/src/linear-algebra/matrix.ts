import type { Tensor } from '../adapter/tensor.js'

/** A matrix in float64, row after row. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

/** A matrix of zeros. */
export function zeroMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) }
}

/** A copy of a tensor of two axes. RangeError when it has others. */
export function matrixOf({ shape, data }: Tensor): Matrix {
  const [rows, columns, ...more] = shape
  if (rows === undefined || columns === undefined || more.length > 0) {
    throw new RangeError(`expected a matrix, got a tensor of shape (${shape.join(', ')})`)
  }
  return { rows, columns, data: Float64Array.from(data) }
}

/** Rounded to float32. */
export function tensorOf({ rows, columns, data }: Matrix): Tensor {
  return { shape: [rows, columns], data: Float32Array.from(data) }
}

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const result = zeroMatrix(columns, rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result.data[column * rows + row] = data[row * columns + column] as number
  }
  return result
}

/** The row as a view: writing to it changes the matrix. */
export function rowOf({ columns, data }: Matrix, row: number): Float64Array {
  return data.subarray(row * columns, (row + 1) * columns)
}

/** a b for a (M, K) and b (K, N). RangeError when the inner sides differ. */
export function product(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) {
    throw new RangeError(`(${a.rows}, ${a.columns}) and (${b.rows}, ${b.columns}) cannot be multiplied`)
  }
  const result = zeroMatrix(a.rows, b.columns)
  for (let row = 0; row < a.rows; row++) {
    const sum = rowOf(result, row)
    for (let inner = 0; inner < a.columns; inner++)
      addScaled(sum, rowOf(b, inner), a.data[row * a.columns + inner] as number)
  }
  return result
}

/** x y' for x (M, K) and y (N, K): the inner product of each row with each. */
export function rowsTimesRows(x: Matrix, y: Matrix): Matrix {
  const result = zeroMatrix(x.rows, y.rows)
  for (let row = 0; row < x.rows; row++) {
    for (let other = 0; other < y.rows; other++)
      result.data[row * y.rows + other] = dot(rowOf(x, row), rowOf(y, other))
  }
  return result
}

/** x' y, in four sums: a processor adds to one only every few cycles. */
export function dot(x: Float64Array, y: Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  let at = 0
  for (; at + 3 < x.length; at += 4) {
    a += (x[at] as number) * (y[at] as number)
    b += (x[at + 1] as number) * (y[at + 1] as number)
    c += (x[at + 2] as number) * (y[at + 2] as number)
    d += (x[at + 3] as number) * (y[at + 3] as number)
  }
  for (; at < x.length; at++) a += (x[at] as number) * (y[at] as number)
  return a + b + (c + d)
}

/** x += factor y, in place. */
export function addScaled(x: Float64Array, y: Float64Array, factor: number): void {
  for (let at = 0; at < x.length; at++) x[at] = (x[at] as number) + factor * (y[at] as number)
}

/** x *= factor, in place. */
export function scale(x: Float64Array, factor: number): void {
  for (let at = 0; at < x.length; at++) x[at] = (x[at] as number) * factor
}
