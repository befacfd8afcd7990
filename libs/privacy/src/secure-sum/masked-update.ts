import { randomWords } from '../noise/random-words.js'
import { applyMasks, type SignedMask } from './mask.js'
import { encodeWithNoise } from './noisy-encoding.js'
import { packRing } from './packed.js'
import type { Ring } from './ring.js'
import { encodeStochastic } from './stochastic-rounding.js'

/** The values of an update, and all that becomes of them before they leave. */
export interface Masking {
  readonly values: Float32Array
  readonly ring: Ring
  readonly masks: readonly SignedMask[]
  /** Of the noise that is added, the standard deviation, and the bound on the norm of the values that it is for; null: none. */
  readonly noise: { readonly deviation: number; readonly clip: number } | null
  /** 32 bytes of a cryptographic generator, of this update alone: they decide the rounding, and the noise. */
  readonly seed: Uint8Array
}

/** The bytes that leave: values as ring elements, with noise where it is asked for, under all masks. Throws RangeError for values that do not fit. */
export function maskedUpdate({ values, ring, masks, noise, seed }: Masking): Uint8Array<ArrayBuffer> {
  const elements =
    noise === null
      ? encodeStochastic(values, ring, seed)
      : encodeWithNoise(values, ring, noise, randomWords(seed))
  return maskedElements(elements, ring, masks)
}

/** Elements of a ring under all masks, as the bytes that leave. */
export function maskedElements(
  elements: Uint32Array,
  { bits }: Pick<Ring, 'bits'>,
  masks: readonly SignedMask[],
): Uint8Array<ArrayBuffer> {
  return packRing(applyMasks(elements, masks, bits), bits)
}
