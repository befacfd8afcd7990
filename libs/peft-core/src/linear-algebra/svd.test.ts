import { describe, expect, it } from 'vitest'
import { type Matrix, product, rowOf, scale, transposed, zeroMatrix } from './matrix.js'
import { leadingSvd } from './svd.js'

/** Entries that numpy can be given, too: ((37 i + 23 j + 5 i^2 j) mod 29) / 7 - 2 */
function sample(rows: number, columns: number): Matrix {
  const data = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns]
    return ((i * 37 + j * 23 + i * j * 5) % 29) / 7 - 2
  })
  return { rows, columns, data }
}

/** left diag(values) right */
function rebuilt({ left, values, right }: ReturnType<typeof leadingSvd>): Matrix {
  const scaled = { ...right, data: right.data.slice() }
  for (const [index, value] of values.entries()) scale(rowOf(scaled, index), value)
  return product(left, scaled)
}

function expectClose(found: Matrix, wanted: Matrix, digits = 12): void {
  expect([found.rows, found.columns]).toEqual([wanted.rows, wanted.columns])
  for (const [at, value] of wanted.data.entries())
    expect(found.data[at], `entry ${at}`).toBeCloseTo(value, digits)
}

function identity(side: number): Matrix {
  const result = zeroMatrix(side, side)
  for (let at = 0; at < side; at++) result.data[at * (side + 1)] = 1
  return result
}

// numpy.linalg.svd: the values, and the first entries of the nearest matrix of rank 2
const numpy = [
  {
    shape: [7, 5],
    values: [4.94503507137706, 3.9119202046489994, 3.479971486205743, 2.185072895904282, 0.563867913219638],
    nearest: [-1.260159482356557, -0.11879886366383884, -0.5688144026961265, -0.46497469124557445],
  },
  {
    shape: [4, 9],
    values: [4.91915809979708, 3.9226064897108084, 3.416841120466124, 2.5565909021425837],
    nearest: [-1.023247837860806, 0.6641697660907733, -0.13709035259848426, -0.9383504712877423],
  },
] as const

describe('the leading singular value decomposition', () => {
  it.each(numpy)(
    'of a matrix $shape has the values of numpy',
    ({ shape: [rows, columns], values, nearest }) => {
      const matrix = sample(rows, columns)
      const whole = leadingSvd(matrix, values.length)
      for (const [index, value] of values.entries()) expect(whole.values[index]).toBeCloseTo(value, 12)
      expectClose(rebuilt(whole), matrix, 11)
      const two = rebuilt(leadingSvd(matrix, 2))
      for (const [at, value] of nearest.entries()) expect(two.data[at]).toBeCloseTo(value, 12)
    },
  )

  it('has orthonormal vectors, the same whatever part of it is asked for', () => {
    const matrix = sample(40, 60)
    const { left, right, values } = leadingSvd(matrix, 11)
    expectClose(product(transposed(left), left), identity(11))
    expectClose(product(right, transposed(right)), identity(11))
    for (const [index, value] of leadingSvd(matrix, 3).values.entries())
      expect(value).toBeCloseTo(values[index] as number, 12)
    expect([...values]).toEqual([...values].sort((a, b) => b - a))
  })

  it('finds every direction of a value that occurs several times', () => {
    const turn = leadingSvd(sample(6, 6), 6).left // orthogonal
    const right = leadingSvd(sample(6, 8), 6).right
    const values = [3, 3, 3, 0.5, 0.25, 0.25]
    const scaled = { ...right, data: right.data.slice() }
    for (const [index, value] of values.entries()) scale(rowOf(scaled, index), value)
    const found = leadingSvd(product(turn, scaled), 6)
    for (const [index, value] of values.entries()) expect(found.values[index]).toBeCloseTo(value, 12)
    expectClose(rebuilt(found), product(turn, scaled))
  })

  it('of a matrix without enough rank has values of zero', () => {
    const factor = sample(9, 2)
    const matrix = product(factor, sample(2, 7))
    const found = leadingSvd(matrix, 4)
    expectClose(rebuilt(found), matrix, 10)
    expect(found.values[2]).toBeLessThan(1e-7)
    expect([...leadingSvd(zeroMatrix(3, 5), 2).values]).toEqual([0, 0])
    expect(leadingSvd({ rows: 1, columns: 1, data: Float64Array.of(-2.5) }, 1).values[0]).toBe(2.5)
  })

  it('refuses more parts than the matrix has', () => {
    expect(() => leadingSvd(sample(4, 9), 5)).toThrow('count expected a whole number in 1 to 4, got 5')
  })
})
