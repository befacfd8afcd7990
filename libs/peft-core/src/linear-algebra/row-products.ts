import { type Matrix, zeroMatrix } from './matrix.js'

const STRIP = 1024 // columns at a time, so that the rows of two tiles stay in the cache of a core

/** X X' for X (R, N): the inner product of every two rows, (R, R). */
export function rowProducts(x: Matrix): Matrix {
  const { rows, columns } = x
  const result = zeroMatrix(rows, rows)
  for (let start = 0; start < columns; start += STRIP) {
    const end = Math.min(columns, start + STRIP)
    for (let i = 0; i < rows; i += 2)
      for (let j = i; j < rows; j += 2) addTile(result, x, { i, j, start, end })
  }
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < i; j++) result.data[i * rows + j] = result.data[j * rows + i] as number
  return result
}

/** Adds the products of the rows i and i + 1 with j and j + 1 over some columns. */
function addTile(
  into: Matrix,
  { rows, columns, data }: Matrix,
  tile: { readonly i: number; readonly j: number; readonly start: number; readonly end: number },
): void {
  const { i, j, start, end } = tile
  const [isLastI, isLastJ] = [i + 1 === rows, j + 1 === rows]
  const [a, c] = [i * columns, j * columns]
  const [b, d] = [isLastI ? a : a + columns, isLastJ ? c : c + columns]
  let [ac, ad, bc, bd] = [0, 0, 0, 0]
  for (let at = start; at < end; at++) {
    const [p, q] = [data[a + at] as number, data[b + at] as number]
    const [r, s] = [data[c + at] as number, data[d + at] as number]
    ac += p * r
    ad += p * s
    bc += q * r
    bd += q * s
  }
  const add = (row: number, column: number, value: number): void => {
    const place = row * rows + column
    into.data[place] = (into.data[place] as number) + value
  }
  add(i, j, ac)
  if (!isLastJ) add(i, j + 1, ad)
  if (!isLastI && j > i) add(i + 1, j, bc)
  if (!isLastI && !isLastJ) add(i + 1, j + 1, bd)
}
