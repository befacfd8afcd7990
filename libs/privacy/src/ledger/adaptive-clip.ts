/**
 * A clip that follows a quantile of the norms of the updates: https://arxiv.org/abs/1905.03871
 *
 *   bit of an update   = 1 where it is as it was, 0 where it was clipped
 *   share              = 1/2 + (sum over updates of (bit - 1/2) + N(0, bitNoise^2)) / cohort
 *   next clip          = clip exp(-learningRate (share - quantile))
 *
 * so that the clip falls while more than the quantile of the updates is left as it is. The bits are released as well: they take a part of
 * the noise that a round has, and the values get more of it, so that both together cost what the round says.
 *
 * @module
 */
import { openNoisySum } from '../noise/noisy-sum.js'
import type { RandomWords } from '../noise/random-words.js'

export interface AdaptiveClip {
  readonly quantile: number
  readonly learningRate: number
  readonly bitNoise: number // standard deviation
}

/** What one site can change the sum of the bits by, since a half is taken from each. */
const BIT_CLIP = 0.5

/**
 * The noise multiplier of the values with which they and the bits cost as much as `noiseMultiplier` alone:
 * (z^-2 - (2 bitNoise)^-2)^(-1/2). RangeError when the bits alone cost more: bitNoise is at most z / 2.
 */
export function valueNoise(noiseMultiplier: number, bitNoise: number): number {
  if (!(noiseMultiplier > 0 && noiseMultiplier < 2 * bitNoise && Number.isFinite(bitNoise)))
    throw new RangeError(
      `bitNoise expected more than half of the noise multiplier ${noiseMultiplier}, got ${bitNoise}`,
    )
  return 1 / Math.sqrt(noiseMultiplier ** -2 - (2 * bitNoise) ** -2)
}

/**
 * The share of a cohort whose updates were not clipped, with noise; `cohort` is a number that was fixed before anything was seen of
 * the updates. It may come out below 0 or above 1.
 */
export function noisyShare(
  unclipped: readonly boolean[],
  {
    bitNoise,
    cohort,
    words,
  }: { readonly bitNoise: number; readonly cohort: number; readonly words?: RandomWords },
): number {
  const shapes = new Map([['bit', [1]]])
  const sum = openNoisySum({
    ...{ shapes, clip: BIT_CLIP, noiseMultiplier: bitNoise / BIT_CLIP },
    ...(words === undefined ? {} : { words }),
  })
  for (const isUnclipped of unclipped)
    sum.add(new Map([['bit', { shape: [1], data: Float32Array.of(isUnclipped ? BIT_CLIP : -BIT_CLIP) }]]))
  return 0.5 + (sum.close().get('bit')?.[0] as number) / cohort
}

/** The clip of the next round. */
export function nextClip(clip: number, share: number, { quantile, learningRate }: AdaptiveClip): number {
  return clip * Math.exp(-learningRate * (share - quantile))
}
