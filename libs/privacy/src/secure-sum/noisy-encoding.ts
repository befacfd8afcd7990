import { gaussianSteps, STEPS } from '../noise/gaussian-steps.js'
import { type RandomWords, randomWords } from '../noise/random-words.js'
import { maskOf } from './fixed-point.js'
import { CHUNK_WORDS } from './mask.js'
import { largestInteger, type Ring } from './ring.js'
import { LEAST_STEPS, type NoiseShare, REACH } from './shared-noise.js'

/** Of the clip: what a norm that is computed in another order may be off by. */
const SLACK = 2 ** -21

/**
 * Values as ring elements with normal noise of `deviation` on each, which is drawn exactly: the rounding of value + noise to the grid of the
 * ring, as if both had infinite precision. The values lie on a grid of at most 2^-30 of the deviation, rounded towards zero so that no norm
 * grows; the deviation grows by less than 2^-14 of it, to a whole number of those.
 *
 * Throws RangeError for NaN, infinity, a norm above `clip`, and a ring without room for the clip and 14 deviations. What lies beyond that
 * room, which never happens in practice, is cut off.
 */
export function encodeWithNoise(
  values: ArrayLike<number>,
  ring: Ring,
  { deviation, clip }: Pick<NoiseShare, 'deviation'> & { readonly clip: number },
  words: RandomWords = randomWords(),
): Uint32Array {
  const scale = 2 ** ring.fractionBits
  const largest = largestInteger(ring.bound, ring.fractionBits)
  const fine = Math.floor(STEPS / (deviation * scale)) // steps of the noise in one of the ring
  if (!(deviation * scale >= LEAST_STEPS && fine >= 1))
    throw new RangeError(`deviation expected ${LEAST_STEPS} steps of the ring or more, got ${deviation}`)
  if (!(clip + REACH * deviation <= ring.bound))
    throw new RangeError(`ring expected room for ${clip + REACH * deviation}, got ${ring.bound}`)
  expectNorm(values, clip)
  const mask = maskOf(ring.bits)
  const half = Math.floor(fine / 2)
  const encoded = new Uint32Array(values.length)
  for (let start = 0; start < values.length; start += CHUNK_WORDS) {
    const noise = gaussianSteps(Math.min(CHUNK_WORDS, values.length - start), words)
    for (let at = 0; at < noise.length; at += 1) {
      const value = Math.trunc((values[start + at] as number) * scale * fine)
      const integer = floorOf(value + (noise[at] as number) + half, fine)
      encoded[start + at] = Math.min(largest, Math.max(-largest, integer)) & mask
    }
  }
  return encoded
}

function expectNorm(values: ArrayLike<number>, clip: number): void {
  let square = 0
  for (let at = 0; at < values.length; at += 1) square += (values[at] as number) ** 2
  const norm = Math.sqrt(square)
  if (!(norm <= clip * (1 + SLACK)))
    throw new RangeError(`values expected finite numbers with a norm of at most ${clip}, got ${norm}`)
}

/** floor(value / by) of whole numbers below 2^53, exactly. */
function floorOf(value: number, by: number): number {
  const near = Math.floor(value / by)
  const rest = value - near * by
  return rest < 0 ? near - 1 : rest >= by ? near + 1 : near
}
