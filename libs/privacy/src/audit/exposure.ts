/**
 * Exposure: how far a text that was planted among training data stands out from texts of the same form that were not.
 * Paper: https://arxiv.org/abs/1802.08232 (Carlini et al. 2019)
 * @module
 */
import { logNormalCdf } from '../accountant/normal.js'
import { expectFinite } from './scores.js'

/**
 * log2 |R| - log2 rank, in bits: how much a guesser saves that tries the likeliest of |R| texts first. `surprise` is the
 * planted text's loss or log perplexity, `others` that of texts of the same form that were not planted. A text that is
 * likelier than all of them has log2 |R|; equals rank before it. RangeError without others or for values that are not finite.
 */
export function exposure(surprise: number, others: readonly number[]): number {
  expectSome(surprise, others)
  const rank = 1 + others.filter((other) => other <= surprise).length
  return Math.log2(others.length / rank)
}

/**
 * -log2 P(X <= surprise) for the skew normal X with the mean, variance and skewness of `others`: an estimate of the
 * exposure among all texts of the form, past log2 of how many were tried. RangeError for fewer than 3 others, or equal ones.
 */
export function extrapolatedExposure(surprise: number, others: readonly number[]): number {
  expectSome(surprise, others)
  const { location, scale, shape } = skewNormalOf(others)
  return -logSkewNormalCdf((surprise - location) / scale, shape) / Math.LN2
}

/** The mean exposure of texts that the model knows nothing of, in bits, among so many others: 1.44 for many. */
export function chanceExposure(others: number): number {
  let sum = 0
  for (let rank = 1; rank <= others + 1; rank++) sum += Math.log2(others / rank)
  return sum / (others + 1)
}

const MOST_BITS = 2 // above chance, on average
const FLUKE = 0.01

/**
 * `exposed` when planted texts stand out by 2 bits or more above chance on average, or when more of them come before all
 * others than chance would do once in a hundred times.
 */
export function exposureVerdict(exposures: readonly number[], others: number): 'exposed' | 'within chance' {
  expectFinite('exposures', exposures)
  if (exposures.length === 0) throw new RangeError('exposures expected planted texts, got none')
  const mean = exposures.reduce((sum, bits) => sum + bits, 0) / exposures.length
  const firsts = exposures.filter((bits) => bits >= Math.log2(others)).length
  const isFirst = 1 / (others + 1)
  let chance = (1 - isFirst) ** exposures.length // of as many firsts as counted so far
  let fewer = 0
  for (let count = 0; count < firsts; count++) {
    fewer += chance
    chance *= ((exposures.length - count) / (count + 1)) * (isFirst / (1 - isFirst))
  }
  const isFluke = 1 - fewer >= FLUKE
  return mean < chanceExposure(others) + MOST_BITS && isFluke ? 'within chance' : 'exposed'
}

export interface SkewNormal {
  readonly location: number
  readonly scale: number
  readonly shape: number
}

const MOST_SKEWNESS = 0.99 // of a half normal distribution it is 0.9953, and no skew normal has more

/** The skew normal with the moments of some values; a skewness that none has is cut to 0.99. */
export function skewNormalOf(values: readonly number[]): SkewNormal {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const moment = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / count
  const variance = moment(2)
  if (count < 3 || !(variance > 0))
    throw new RangeError(`others expected 3 values or more that differ, got ${count} of variance ${variance}`)
  const found = moment(3) / variance ** 1.5
  const skewness = Math.sign(found) * Math.min(Math.abs(found), MOST_SKEWNESS)
  const power = Math.abs(skewness) ** (2 / 3)
  const ratio = (Math.PI / 2) * (power / (power + ((4 - Math.PI) / 2) ** (2 / 3)))
  const delta = Math.sign(skewness) * Math.sqrt(ratio)
  const scale = Math.sqrt(variance / (1 - (2 * ratio) / Math.PI))
  return {
    location: mean - scale * delta * Math.sqrt(2 / Math.PI),
    scale,
    shape: delta / Math.sqrt(1 - ratio),
  }
}

const STEPS = 4000
const REACH = 40 // standard deviations below which the rest of the mass is nothing beside the integral

/** log of the integral of 2 phi(t) Phi(shape t) up to z, summed in the logarithm, so that a far tail is not lost. */
function logSkewNormalCdf(z: number, shape: number): number {
  const low = Math.min(z, 0) - REACH
  const high = Math.min(z, REACH)
  const width = (high - low) / STEPS
  const logDensity = (t: number): number =>
    Math.LN2 - 0.5 * t * t - 0.5 * Math.log(2 * Math.PI) + logNormalCdf(shape * t)
  // Simpson's rule on a substitution that puts most points near the end, where the mass of a tail is.
  let greatest = Number.NEGATIVE_INFINITY
  const terms = Array.from({ length: STEPS + 1 }, (_, index) => {
    const share = (index * width) / (high - low)
    const t = high - (high - low) * share ** 3
    const slope = 3 * (high - low) * share ** 2
    const weight = index === 0 || index === STEPS ? 1 : index % 2 === 1 ? 4 : 2
    const term =
      slope === 0 ? Number.NEGATIVE_INFINITY : logDensity(t) + Math.log((slope * weight) / (3 * STEPS))
    greatest = Math.max(greatest, term)
    return term
  })
  return Math.min(0, greatest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - greatest), 0)))
}

function expectSome(surprise: number, others: readonly number[]): void {
  expectFinite('surprise', [surprise])
  expectFinite('others', others)
  if (others.length === 0) throw new RangeError('others expected texts that were not planted, got none')
}
