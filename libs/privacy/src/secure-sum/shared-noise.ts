/**
 * Noise that the agents of a secure sum share out among themselves, so that nobody has to be trusted to add it.
 *
 * Each agent adds normal noise to its real values and rounds to the grid of the ring. Let g be the noise of one agent and S its standard
 * deviation in steps of the ring; n honest agents are in the sum, and x is the sum of their values.
 *
 *   sum of n rounded values  ~  round_n(x + N(0, n S^2))       to within 5 n^2 exp(-pi^2 S^2) for each outcome
 *
 * where round_n rounds at random with the B-spline of order n, whose values at the whole numbers always add up to 1. Both sides have the same
 * Fourier transform but for products of different copies of the transform of one agent, exp(-S^2 t^2 / 2) sinc(t / 2) repeated by 2 pi, of which
 * two are at least 2 pi apart. With S of `LEAST_STEPS` or more that is below 10^-260 for any number of agents. What is released is therefore a
 * function of the Gaussian mechanism with real numbers, and its exact accounting holds: nothing is lost to rounding, and the sensitivity is the clip itself.
 *
 * A value and its noise are held within the bound of the ring, which has room for `REACH` deviations: no sum ever wraps, and the chance that
 * anything is cut off is below 2 Q(REACH) = 1.6e-44 for each value of each agent. Both together are `SHARED_NOISE_APART`.
 *
 * After https://arxiv.org/abs/2102.06387, which has discrete Gaussians and rounds before the noise.
 *
 * @module
 */
import { type Ring, type RingRequest, steppedRing } from './ring.js'

/** The noise of each agent of a sum, and how much of it a promise counts on. */
export interface NoiseShare {
  /** Standard deviation of the noise that each agent adds to each of its values. */
  readonly deviation: number
  /** Agents of the sum that keep to it, at least: the survivors but those that may work together with the coordinator. */
  readonly honest: number
}

/** Deviations of its own noise that a ring has room for, beyond the values of an agent. */
export const REACH = 14
/** The least and the most standard deviation of the noise of one agent, in steps of the ring. */
export const LEAST_STEPS = 8
const MOST_STEPS = 2 ** 16 // the rest of a step of the noise's own grid is less than 2^-14 of the deviation
/** The most agents times values that `SHARED_NOISE_APART` is stated for. */
const MOST_DRAWS = 1e15

/** Total variation between one sum with shared noise and the Gaussian mechanism: at most. */
export const SHARED_NOISE_APART = 1e-28

/** The noise of `deviation` in all, of agents of which `honest` at least are in the sum and keep to it. RangeError for fewer than one. */
export function noiseShare(deviation: number, honest: number): NoiseShare {
  if (!(Number.isSafeInteger(honest) && honest >= 1))
    throw new RangeError(`honest expected a whole number from 1, got ${honest}`)
  if (!(deviation > 0 && Number.isFinite(deviation)))
    throw new RangeError(`deviation expected a number above 0, got ${deviation}`)
  return { deviation: (deviation * (1 + NORM_ERROR)) / Math.sqrt(honest), honest }
}

const NORM_ERROR = 2 ** -20 // pays for norms that are computed in 64 bits

/**
 * The ring of `bits` bits for values within `bound` with noise: as fine as it can be while no sum wraps, though no finer than noise makes
 * sense. RangeError when the noise would have fewer than 8 steps.
 */
export function noisyRing(
  { agents, bound }: Omit<RingRequest, 'fractionBits'>,
  { deviation }: Pick<NoiseShare, 'deviation'>,
  bits = 32,
): Ring {
  const room = (bound + REACH * deviation) * (1 + NORM_ERROR)
  const finest = steppedRing({ agents, bound: room }, bits)
  const fractionBits = Math.min(finest.fractionBits, Math.floor(Math.log2(MOST_STEPS / deviation)))
  const step = 2 ** -fractionBits
  if (deviation < LEAST_STEPS * step)
    throw new RangeError(
      `bits expected enough that the noise of an agent has ${LEAST_STEPS} steps, got ${bits} for ${agents} agents with noise of ${deviation} on values up to ${bound}`,
    )
  return { agents, bound: Math.ceil(room / step) * step, fractionBits, bits }
}

/** Why a ring is not for such noise on so many values; undefined when it is. */
export function noiseFault(
  { deviation, honest }: NoiseShare,
  { ring, elements }: { readonly ring: Ring; readonly elements: number },
): string | undefined {
  const steps = deviation * 2 ** ring.fractionBits
  if (!(steps >= LEAST_STEPS && steps <= MOST_STEPS))
    return `noise of ${LEAST_STEPS} to ${MOST_STEPS} steps, got ${steps}`
  if (!(ring.bound > REACH * deviation)) return `room for ${REACH} deviations of noise, got ${ring.bound}`
  if (!(Number.isSafeInteger(honest) && honest >= 1 && honest <= ring.agents))
    return `1 to ${ring.agents} honest agents, got ${honest}`
  return elements * ring.agents <= MOST_DRAWS
    ? undefined
    : `at most ${MOST_DRAWS} values of all agents, got ${elements} of ${ring.agents}`
}
