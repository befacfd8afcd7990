import { describe, expect, test } from 'vitest'
import { thinQr } from './householder.js'
import { squareSvd } from './jacobi.js'
import { type Matrix, product, rowOf, scale, transposed, zeroMatrix } from './matrix.js'
import { rowProducts } from './row-products.js'

/** Entries that NumPy can be given, too: ((37 i + 23 j + 5 i j) mod 29) / 7 - 2 */
function sample(side: number, columns = side): Matrix {
  const data = Float64Array.from({ length: side * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    return ((i * 37 + j * 23 + i * j * 5) % 29) / 7 - 2
  })
  return { rows: side, columns, data }
}

function unit(side: number): Matrix {
  const result = zeroMatrix(side, side)
  for (let at = 0; at < side; at++) result.data[at * (side + 1)] = 1
  return result
}

function farthest(a: Matrix, b: Matrix): number {
  return a.data.reduce((most, value, at) => Math.max(most, Math.abs(value - (b.data[at] as number))), 0)
}

function expectTriples(matrix: Matrix): ReturnType<typeof squareSvd> {
  const found = squareSvd(matrix)
  const { left, values, right } = found
  const scaled = { ...right, data: right.data.slice() }
  for (const [at, value] of values.entries()) scale(rowOf(scaled, at), value)
  const size = Math.max(values[0] as number, Number.MIN_VALUE)
  expect(farthest(product(transposed(left), scaled), matrix) / size).toBeLessThan(1e-13)
  expect(farthest(rowProducts(left), unit(matrix.rows))).toBeLessThan(1e-13)
  expect(farthest(rowProducts(right), unit(matrix.rows))).toBeLessThan(1e-13)
  return found
}

// numpy.linalg.svd of the sample of side 6, signed so that the largest entry of a left vector is positive
const numpy = {
  values: [
    4.427991014152986, 4.057756616254425, 3.461902732545913, 2.693179042765371, 1.6268327683745651,
    0.352945792761994,
  ],
  left: [
    -0.5932111816064141, 0.1433946162188778, 0.3916193790532828, 0.6351595745842129, -0.17774091261838623,
    0.1978717332063087,
  ],
  right: [
    0.5612164445902654, -0.47352335507512167, 0.12935948320797255, 0.34875221110127846, -0.29869939038273785,
    -0.48293729205868646,
  ],
} as const

describe('the singular value decomposition of a square matrix', () => {
  test('has the values of NumPy, and its vectors with the largest entry of the left one positive', () => {
    const { left, values, right } = expectTriples(sample(6))
    for (const [at, value] of numpy.values.entries()) expect(values[at]).toBeCloseTo(value, 13)
    for (const [at, entry] of numpy.left.entries()) expect(left.data[6 + at]).toBeCloseTo(entry, 13)
    for (const [at, entry] of numpy.right.entries()) expect(right.data[6 + at]).toBeCloseTo(entry, 13)
  })

  test('finds values a million million times smaller than the largest to all digits', () => {
    const sizes = [1, 3e-4, 2e-8, 7e-13]
    const scaled = thinQr(sample(4)).times(unit(4)) // rows at right angles
    for (const [at, size] of sizes.entries()) scale(rowOf(scaled, at), size)
    const { values } = squareSvd(transposed(scaled))
    for (const [at, size] of sizes.entries())
      expect(Math.abs((values[at] as number) / size - 1)).toBeLessThan(1e-13)
  })

  test('completes the vectors of values that are zero, and of a matrix of nothing', () => {
    const { values } = expectTriples(product(sample(9, 2), transposed(sample(9, 2))))
    expect(values[1]).toBeGreaterThan(1)
    expect(values[2]).toBeLessThan(1e-13)
    expect([...expectTriples(zeroMatrix(3, 3)).values]).toEqual([0, 0, 0])
  })

  test('takes values that occur several times, and sides of some dozens', () => {
    const turn = thinQr(sample(5)).times(unit(5))
    const values = [4, 4, 4, 0.5, 0.5]
    const matrix = { ...turn, data: turn.data.slice() }
    for (const [at, value] of values.entries()) scale(rowOf(matrix, at), value)
    for (const [at, value] of values.entries())
      expect(expectTriples(product(transposed(turn), matrix)).values[at]).toBeCloseTo(value, 13)
    expectTriples(sample(67))
  })

  test('refuses a matrix that is not square', () => {
    expect(() => squareSvd(zeroMatrix(3, 4))).toThrow('expected a square matrix, got (3, 4)')
  })
})
