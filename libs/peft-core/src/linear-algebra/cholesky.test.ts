import { expect, test } from 'vitest'
import { solveSymmetric } from './cholesky.js'
import { product } from './matrix.js'

test('a system of three equations has the solution that NumPy computes', () => {
  const matrix = { rows: 3, columns: 3, data: Float64Array.of(4, 2, -1, 2, 5, 3, -1, 3, 6) }
  const right = { rows: 3, columns: 2, data: Float64Array.of(1, -2, 0.5, 3, 7, 0.25) }
  const x = solveSymmetric(matrix, right)
  const numpy = [
    2.1046511627906974, -1.9593023255813953, -2.3604651162790695, 2.2209302325581395, 2.697674418604651,
    -1.3953488372093024,
  ]
  for (const [at, value] of numpy.entries()) expect(x.data[at]).toBeCloseTo(value, 13)
  const back = product(matrix, x)
  for (const [at, value] of right.data.entries()) expect(back.data[at]).toBeCloseTo(value, 13)
})

test('a matrix that is not positive definite, or has other sides, is refused', () => {
  const right = { rows: 2, columns: 1, data: Float64Array.of(1, 2) }
  const solve = (...data: readonly number[]) =>
    solveSymmetric({ rows: 2, columns: 2, data: Float64Array.from(data) }, right)
  expect(() => solve(1, 2, 2, 4)).toThrow('expected a positive definite matrix, got a pivot of 0 in row 1')
  expect(() => solve(-1, 0, 0, 1)).toThrow('got a pivot of -1 in row 0')
  expect(() => solveSymmetric({ rows: 2, columns: 3, data: new Float64Array(6) }, right)).toThrow(
    'got (2, 3) and (2, 1)',
  )
})
