/**
 * FedProx: keeps training near where it began. Paper: https://arxiv.org/abs/1812.06127
 *
 *   loss + mu / 2 ||w - w_0||^2, summed over all trained parameters, whose gradient is mu (w - w_0)
 *
 * Of low-rank factors this also holds back changes of A and B that leave B A as it is.
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'

export interface Proximal {
  /** mu, 0 or more; 0 changes nothing. */
  readonly strength: number
  /** w_0; what the job starts from unless stated, which a job that goes on from a checkpoint has to state. */
  readonly anchor?: TensorMap
}

/** Adds mu (w - w_0) to the gradients, in place. RangeError when the strength is negative or the anchor has another size. */
export function addProximal(
  gradients: ReadonlyMap<string, Float32Array>,
  parameters: TensorMap,
  { strength, anchor }: Required<Proximal>,
): void {
  if (!(strength >= 0 && strength < Number.POSITIVE_INFINITY))
    throw new RangeError(`the proximal strength expected a number of 0 or more, got ${strength}`)
  if (strength === 0) return
  for (const [name, gradient] of gradients) {
    const [own, from] = [parameters.get(name)?.data, anchor.get(name)?.data]
    if (own?.length !== gradient.length || from?.length !== gradient.length)
      throw new RangeError(
        `the anchor expected ${gradient.length} values of "${name}", got ${from?.length ?? 'none'}`,
      )
    for (let at = 0; at < gradient.length; at++)
      gradient[at] = (gradient[at] as number) + strength * ((own[at] as number) - (from[at] as number))
  }
}
