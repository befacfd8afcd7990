/**
 * Factors that start as the most important part of a weight W (O, I), which the frozen weight then is without:
 * y = (W - s B0 A0) x + s B A x, with A = A0 and B = B0 at first.
 *
 * PiSSA: the leading singular triples, A0 = sqrt(S / s) V', B0 = U sqrt(S / s). Paper: https://arxiv.org/abs/2404.02948
 * OLoRA: the leading part of a QR factorisation, A0 = R, B0 = Q. Paper: https://arxiv.org/abs/2406.01775
 * As PEFT makes them: https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/layer.py
 * @module
 */
import { type Matrix, rowOf, scale, tensorOf, transposed } from '../linear-algebra/matrix.js'
import { leadingQr } from '../linear-algebra/orthogonal.js'
import { leadingSvd } from '../linear-algebra/svd.js'
import type { Tensor } from './tensor.js'

export interface StartFactors {
  readonly a: Tensor // (R, I)
  readonly b: Tensor // (O, R)
}

/** By the path of the module. */
export type Starts = ReadonlyMap<string, StartFactors>

/**
 * A value of `init_lora_weights` that takes the factors from the weight, the same ones each time. PEFT's `pissa_niter_N` draws an
 * approximation at random, so that an adapter saved with it unconverted fits no weight that can be computed again.
 */
export type WeightStart = 'olora' | 'pissa'

export function isWeightStart(init: unknown): init is WeightStart {
  return init === 'olora' || init === 'pissa'
}

/** The factors of one weight. RangeError when the rank is larger than a side of the weight. */
export function startFactors(
  weight: Matrix, // (O, I)
  { init, rank, scaling }: { readonly init: WeightStart; readonly rank: number; readonly scaling: number },
): StartFactors {
  if (init === 'olora') {
    const { q, r } = leadingQr(weight, rank)
    return { a: tensorOf(r), b: tensorOf(q) }
  }
  const { left, values, right } = leadingSvd(weight, rank)
  const columns = transposed(left)
  for (const [index, value] of values.entries()) {
    const share = Math.sqrt(value / scaling)
    scale(rowOf(right, index), share)
    scale(rowOf(columns, index), share)
  }
  return { a: tensorOf(right), b: tensorOf(transposed(columns)) }
}
