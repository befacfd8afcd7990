import { describe, expect, it } from 'vitest'
import { type Matrix, product, transposed } from './matrix.js'
import { leadingQr } from './orthogonal.js'

const matrix: Matrix = {
  rows: 7,
  columns: 5,
  data: Float64Array.from({ length: 35 }, (_, at) => {
    const [i, j] = [Math.floor(at / 5), at % 5]
    return ((i * 37 + j * 23 + i * j * 5) % 29) / 7 - 2
  }),
}

// |R| of numpy.linalg.qr
const numpy = [
  [3.1655028294514773, 1.070210732564043, 0.6769405236097864, 0.9283755752362783, 1.9276687291364394],
  [0, 2.8135162124467414, 0.5403869273244626, 1.0639915601783116, 2.0824227364240766],
  [0, 0, 2.642806722751922, 1.0659069242949069, 1.2516171139970655],
]

describe('the leading part of a QR factorisation', () => {
  it('has the R of numpy up to the sign of its rows, with a diagonal that is not negative', () => {
    const { r } = leadingQr(matrix, 3)
    for (const [at, value] of numpy.flat().entries())
      expect(Math.abs(r.data[at] as number)).toBeCloseTo(value, 12)
    expect([0, 6, 12].every((at) => (r.data[at] as number) > 0)).toBe(true)
  })

  it('gives the matrix back when all columns are asked for', () => {
    const { q, r } = leadingQr(matrix, 5)
    for (const [at, value] of product(q, r).data.entries())
      expect(value).toBeCloseTo(matrix.data[at] as number, 12)
  })

  it('stays orthonormal when a column depends on another', () => {
    const data = matrix.data.map((value, at) => (at % 5 === 1 ? 2 * (matrix.data[at - 1] as number) : value))
    const { q } = leadingQr({ ...matrix, data }, 3)
    for (const [at, value] of product(transposed(q), q).data.entries())
      expect(value).toBeCloseTo(at % 4 === 0 ? 1 : 0, 12)
  })

  it('refuses more columns than the matrix has', () => {
    expect(() => leadingQr(matrix, 6)).toThrow('count expected a whole number in 1 to 5, got 6')
  })
})
