import type { Adapter } from '../adapter/adapter.js'
import type { Tensor } from '../adapter/tensor.js'
import { thinQr } from '../linear-algebra/householder.js'
import { type Matrix, rowOf, tensorOf, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import { loraConfigOf } from './cohort.js'
import { factorsIn, joined } from './module-factors.js'
import { startMember } from './start-member.js'

/**
 * A fresh adapter whose frozen factors have orthonormal rows instead of random ones, for strategies that freeze them: then
 * ||B A|| = ||B||, so that a bound on B bounds the change of the model. Of an embedding, the columns of B.
 * The same adapter gives the same bytes everywhere. RangeError when a rank is larger than the side of its module.
 */
export async function orthonormalStart(adapter: Adapter): Promise<Adapter> {
  const member = startMember(adapter)
  loraConfigOf(member, 'an orthonormal start')
  const tensors = new Map<string, Tensor>(adapter.tensors)
  for (const [path, { kind, keyA, keyB }] of member.pairs) {
    const parts = await factorsIn(member, path)
    const side = kind === 'embedding' ? 'b' : 'a'
    const { a, b } = joined(parts.map((part) => ({ ...part, [side]: orthonormalRows(part[side], path) })))
    if (side === 'a') tensors.set(keyA, tensorOf(a))
    else tensors.set(keyB, tensorOf(transposed(b)))
  }
  return { config: adapter.config, tensors }
}

function orthonormalRows(matrix: Matrix, path: string): Matrix {
  if (matrix.rows > matrix.columns)
    throw new RangeError(`"${path}" expected a rank of at most ${matrix.columns}, got ${matrix.rows}`)
  const unit = zeroMatrix(matrix.rows, matrix.rows)
  for (let at = 0; at < matrix.rows; at++) rowOf(unit, at)[at] = 1
  return thinQr({ ...matrix, data: matrix.data.slice() }).times(unit)
}
