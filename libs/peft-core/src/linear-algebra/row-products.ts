import { type Matrix, zeroMatrix } from './matrix.js'

/** How many rows are multiplied with as many others at once, so that a number that is read is used several times. */
const TILE = 4

/** X X' for X (R, N): the inner product of every two rows, (R, R). */
export function rowProducts(x: Matrix): Matrix {
  const { rows } = x
  const result = zeroMatrix(rows, rows)
  for (let row = 0; row < rows; row += TILE) {
    for (let other = 0; other <= row; other += TILE) {
      for (const [at, value] of tileProducts(x, row, other).entries()) {
        const [i, j] = [row + (at % TILE), other + Math.floor(at / TILE)]
        if (i >= rows || j >= rows) continue
        result.data[i * rows + j] = value
        result.data[j * rows + i] = value
      }
    }
  }
  return result
}

/** The products of the rows from `row` on with those from `other` on; past the end, of the last row. */
function tileProducts({ rows, columns, data }: Matrix, row: number, other: number): readonly number[] {
  const start = (at: number): number => Math.min(at, rows - 1) * columns
  const [a, b, c, d] = [start(row), start(row + 1), start(row + 2), start(row + 3)]
  const [w, x, y, z] = [start(other), start(other + 1), start(other + 2), start(other + 3)]
  let [aw, bw, cw, dw, ax, bx, cx, dx] = [0, 0, 0, 0, 0, 0, 0, 0]
  let [ay, by, cy, dy, az, bz, cz, dz] = [0, 0, 0, 0, 0, 0, 0, 0]
  // One by one: to take them from an array here is four times slower.
  for (let at = 0; at < columns; at++) {
    const ra = data[a + at] as number
    const rb = data[b + at] as number
    const rc = data[c + at] as number
    const rd = data[d + at] as number
    const ow = data[w + at] as number
    const ox = data[x + at] as number
    const oy = data[y + at] as number
    const oz = data[z + at] as number
    aw += ra * ow
    bw += rb * ow
    cw += rc * ow
    dw += rd * ow
    ax += ra * ox
    bx += rb * ox
    cx += rc * ox
    dx += rd * ox
    ay += ra * oy
    by += rb * oy
    cy += rc * oy
    dy += rd * oy
    az += ra * oz
    bz += rb * oz
    cz += rc * oz
    dz += rd * oz
  }
  return [aw, bw, cw, dw, ax, bx, cx, dx, ay, by, cy, dy, az, bz, cz, dz]
}
