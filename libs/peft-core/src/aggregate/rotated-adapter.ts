import type { Adapter } from '../adapter/adapter.js'
import type { Tensor } from '../adapter/tensor.js'
import { tensorOf, transposed } from '../linear-algebra/matrix.js'
import { expectPlainLora, expectSameRanks } from './fitting-factors.js'
import { factorsIn, joined } from './module-factors.js'
import { type RotationOptions, rotated } from './rotation.js'
import { startMember } from './start-member.js'

/**
 * What an agent of `fedrot` sends: the same change of the model by factors that are turned towards those of the adapter that it
 * started from, A in odd rounds and B in even ones. RangeError when ranks or scalings differ.
 * Paper: https://arxiv.org/abs/2602.23638
 */
export async function rotatedAdapter(
  trained: Adapter,
  reference: Adapter,
  { lambda, round }: { readonly lambda: number; readonly round: number },
): Promise<Adapter> {
  const [own, other] = [startMember(trained), startMember(reference)]
  expectPlainLora(own, 'fedrot')
  expectSameRanks(own, other, 'fedrot')
  const options: RotationOptions = { lambda, aligned: round % 2 === 1 ? 'a' : 'b' }
  const tensors = new Map<string, Tensor>(trained.tensors)
  for (const [path, { keyA, keyB }] of own.pairs) {
    const references = await factorsIn(other, path)
    const parts = (await factorsIn(own, path)).map((factors, at) =>
      rotated(factors, references[at] ?? factors, options),
    )
    const { a, b } = joined(parts)
    tensors.set(keyA, tensorOf(a))
    tensors.set(keyB, tensorOf(transposed(b)))
  }
  return { config: trained.config, tensors }
}
