import type { Adapter } from '../adapter/adapter.js'
import type { Tensor } from '../adapter/tensor.js'
import { type Matrix, tensorOf, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import { loraConfigOf } from './cohort.js'
import { type Factors, factorsIn, joined, pairOf } from './module-factors.js'
import { releasedConfig } from './released-config.js'
import { startMember } from './start-member.js'

/**
 * An adapter with the ranks of another one of the same modules: what it lacks are the last rows of A of the other, beside columns of
 * zeros in B, so that its change is the same and every rank can be trained. Modules of the same or a higher rank are left as they are.
 * RangeError for a module that the other has not, or that has other sides there.
 */
export async function filledAdapter(adapter: Adapter, like: Adapter): Promise<Adapter> {
  const [member, other] = [startMember(adapter), startMember(like)]
  const config = loraConfigOf(member, 'a filled rank')
  const tensors = new Map<string, Tensor>(adapter.tensors)
  const modules = []
  for (const [path, { parameter = path, kind, keyA, keyB, scaling, rank }] of member.pairs) {
    const wanted = Math.max(rank, pairOf(other, path).rank)
    modules.push({ key: parameter, rank: wanted, scaling })
    if (wanted === rank) continue
    const theirs = await factorsIn(other, path)
    const parts = (await factorsIn(member, path)).map((own, at) => filled(own, theirs[at] as Factors, kind))
    const { a, b } = joined(parts)
    tensors.set(keyA, tensorOf(a))
    tensors.set(keyB, tensorOf(transposed(b)))
  }
  return { config: releasedConfig(config, modules), tensors }
}

/** Of an embedding, whose A starts as zero, B is what is taken over. */
function filled(own: Factors, like: Factors, kind: string | undefined): Factors {
  const isEmbedding = kind === 'embedding'
  return {
    scaling: own.scaling,
    a: withRows(own.a, isEmbedding ? zeroMatrix(like.a.rows, like.a.columns) : like.a),
    b: withRows(own.b, isEmbedding ? like.b : zeroMatrix(like.b.rows, like.b.columns)),
  }
}

/** The rows of `own`, and those of `like` that come after as many. */
function withRows(own: Matrix, like: Matrix): Matrix {
  if (own.columns !== like.columns)
    throw new RangeError(`factors expected a side of ${like.columns}, got ${own.columns}`)
  const result = zeroMatrix(like.rows, like.columns)
  result.data.set(like.data)
  result.data.set(own.data)
  return result
}
