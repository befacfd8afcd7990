import { expect, test } from 'vitest'
import { thinQr } from './householder.js'
import { type Matrix, product, transposed, zeroMatrix } from './matrix.js'
import { rowProducts } from './row-products.js'

/** Entries that NumPy can be given, too: ((37 i + 23 j + 5 i j) mod 29) / 7 - 2 */
function sample(rows: number, columns: number): Matrix {
  const data = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    return ((i * 37 + j * 23 + i * j * 5) % 29) / 7 - 2
  })
  return { rows, columns, data }
}

// numpy.linalg.qr of the sample (7, 5), without signs
const NUMPY_FIRST_ROW = [
  3.1655028294514773, 1.070210732564043, 0.6769405236097864, 0.9283755752362783, 1.9276687291364394,
]
const NUMPY_DIAGONAL = [
  3.1655028294514773, 2.8135162124467414, 2.642806722751922, 2.5419913285863274, 1.386266617401809,
]

function unit(side: number): Matrix {
  const result = zeroMatrix(side, side)
  for (let at = 0; at < side; at++) result.data[at * (side + 1)] = 1
  return result
}

function farthest(a: Matrix, b: Matrix): number {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns])
  return a.data.reduce((most, value, at) => Math.max(most, Math.abs(value - (b.data[at] as number))), 0)
}

test('the first row of R has the sizes of NumPy’s', () => {
  const { r } = thinQr(transposed(sample(7, 5)))
  for (const [at, size] of NUMPY_FIRST_ROW.entries())
    expect(Math.abs(r.data[at] as number)).toBeCloseTo(size, 13)
  for (const [at, size] of NUMPY_DIAGONAL.entries())
    expect(Math.abs(r.data[at * 6] as number)).toBeCloseTo(size, 13)
})

test.each([
  [7, 5],
  [5, 9],
  [40, 13],
  [300, 22],
])('of a matrix (%i, %i), Q R is the matrix and the columns of Q are orthonormal', (rows, columns) => {
  const matrix = sample(rows, columns)
  const { r, times } = thinQr(transposed(matrix))
  expect(farthest(transposed(times(transposed(r))), matrix)).toBeLessThan(1e-13 * rows)
  const q = times(unit(r.rows))
  expect(farthest(rowProducts(q), unit(r.rows))).toBeLessThan(1e-13)
  for (let row = 1; row < r.rows; row++)
    expect([...r.data.subarray(row * columns, row * columns + row)].every((value) => value === 0)).toBe(true)
})

test('columns that depend on each other, or are zero, still give an orthonormal Q', () => {
  const matrix = product(sample(12, 2), sample(2, 6))
  for (let row = 0; row < 12; row++) matrix.data[row * 6 + 3] = 0
  const { r, times } = thinQr(transposed(matrix))
  expect(farthest(transposed(times(transposed(r))), matrix)).toBeLessThan(1e-12)
  expect(farthest(rowProducts(times(unit(6))), unit(6))).toBeLessThan(1e-13)
})

test('numbers whose squares overflow or vanish are factorised, too', () => {
  for (const size of [1e200, 1e-200]) {
    const matrix = sample(9, 4)
    const scaled = { ...matrix, data: matrix.data.map((value) => value * size) }
    const { r } = thinQr(transposed(scaled))
    const plain = thinQr(transposed(matrix)).r
    for (const [at, value] of plain.data.entries())
      expect((r.data[at] as number) / size).toBeCloseTo(value, 12)
  }
})
