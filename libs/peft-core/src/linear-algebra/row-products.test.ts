import { expect, test } from 'vitest'
import { dot, rowOf, zeroMatrix } from './matrix.js'
import { rowProducts } from './row-products.js'

test.each([
  [1, 3],
  [2, 1024],
  [5, 2051],
  [6, 1025],
])('the products of %i rows of %i columns are those of every two rows', (rows, columns) => {
  const x = zeroMatrix(rows, columns)
  for (let at = 0; at < x.data.length; at++) x.data[at] = ((at * 37) % 101) - 50 + (at % 3)
  const { data } = rowProducts(x)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) expect(data[i * rows + j]).toBe(dot(rowOf(x, i), rowOf(x, j)))
})

test('a matrix without rows has no products', () => {
  expect(rowProducts(zeroMatrix(0, 5)).data).toHaveLength(0)
})
