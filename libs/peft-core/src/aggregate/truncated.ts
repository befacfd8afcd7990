import type { Adapter } from '../adapter/adapter.js'
import type { Tensor } from '../adapter/tensor.js'
import { type Matrix, tensorOf, transposed } from '../linear-algebra/matrix.js'
import { loraConfigOf } from './cohort.js'
import { factorsIn, joined } from './module-factors.js'
import { releasedConfig } from './released-config.js'
import { startMember } from './start-member.js'

/**
 * The leading part of an adapter, for an agent of a lower rank: the first rows of A and columns of B, with the scaling kept. Of
 * what `svd` releases, this is the best approximation of that rank. Modules of a lower rank are left as they are.
 */
export async function truncatedAdapter(adapter: Adapter, rank: number): Promise<Adapter> {
  if (!Number.isInteger(rank) || rank < 1)
    throw new RangeError(`rank expected a whole number of 1 or more, got ${rank}`)
  const member = startMember(adapter)
  const config = loraConfigOf(member, 'a lower rank')
  const tensors = new Map<string, Tensor>(adapter.tensors)
  const modules = []
  for (const [path, { parameter = path, keyA, keyB, scaling, ...pair }] of member.pairs) {
    const kept = Math.min(rank, pair.rank)
    const parts = await factorsIn(member, path)
    const { a, b } = joined(
      parts.map((part) => ({ scaling, a: firstRows(part.a, kept), b: firstRows(part.b, kept) })),
    )
    tensors.set(keyA, tensorOf(a))
    tensors.set(keyB, tensorOf(transposed(b)))
    modules.push({ key: parameter, rank: kept, scaling })
  }
  return { config: releasedConfig(config, modules), tensors }
}

function firstRows({ columns, data }: Matrix, count: number): Matrix {
  return { rows: count, columns, data: data.subarray(0, count * columns) }
}
