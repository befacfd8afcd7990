/**
 * What an accountant is asked about: steps that each add Gaussian noise to a sum over the records that take part.
 * @module
 */

/**
 * How the records of a step are chosen. `poisson`: by a coin of its own for each record in each step, kept secret, which
 * amplifies privacy. `none`: any other way (shuffled batches, cohorts of a fixed size, whoever is there), which counts as if
 * every record took part in every step.
 */
export type Sampling = 'poisson' | 'none'

/** Equal steps. Several phases, in any order, are composed. */
export interface Phase {
  /** Standard deviation of the noise over the most that one record can change the sum by (L2), when it is added or removed. */
  readonly noiseMultiplier: number
  /** The chance of a record to take part in a step, in (0, 1]. Below 1 it needs `poisson` to count. */
  readonly samplingRate: number
  readonly sampling: Sampling
  readonly steps: number
  /** Total variation between a step and one whose noise is Gaussian, at most. Absent: none. */
  readonly apart?: number
}

/** The chance that counts: the rate under Poisson sampling, 1 under any other. */
export function countedRate({ sampling, samplingRate }: Pick<Phase, 'sampling' | 'samplingRate'>): number {
  return sampling === 'poisson' ? samplingRate : 1
}

/**
 * What is left of `delta` for the steps as if their noise were Gaussian, where they keep `epsilon` then: outputs that are `apart` in total
 * variation cost (1 + exp(epsilon)) apart. 0 or below: nothing is.
 */
export function deltaLeft(
  delta: number,
  epsilon: number,
  phases: readonly Pick<Phase, 'apart' | 'steps'>[],
): number {
  const apart = phases.reduce((sum, one) => sum + one.steps * (one.apart ?? 0), 0)
  return apart === 0 ? delta : delta - (1 + Math.exp(epsilon)) * apart
}

/** Throws RangeError unless there is a phase and each can be accounted for. */
export function checkPhases(phases: readonly Phase[]): void {
  if (phases.length === 0) throw new RangeError('phases expected at least one phase, got none')
  for (const { noiseMultiplier, samplingRate, sampling, steps, apart = 0 } of phases) {
    if (!(noiseMultiplier >= LEAST_NOISE && noiseMultiplier <= MOST_NOISE))
      throw new RangeError(
        `noiseMultiplier expected a number above 0, from ${LEAST_NOISE} to ${MOST_NOISE}, got ${noiseMultiplier}`,
      )
    if (!(samplingRate > 0 && samplingRate <= 1))
      throw new RangeError(`samplingRate expected a number in (0, 1], got ${samplingRate}`)
    if (sampling !== 'poisson' && sampling !== 'none')
      throw new RangeError(`sampling expected "poisson" or "none", got ${JSON.stringify(sampling)}`)
    if (!(Number.isSafeInteger(steps) && steps >= 1 && steps <= MOST_STEPS))
      throw new RangeError(`steps expected a whole number from 1 to ${MOST_STEPS}, got ${steps}`)
    if (!(apart >= 0 && apart < 1))
      throw new RangeError(`apart expected a number from 0 to below 1, got ${apart}`)
  }
}

/** Throws RangeError unless `delta` is a probability that can be promised. */
export function checkDelta(delta: number): void {
  if (!(delta >= LEAST_DELTA && delta < 1))
    throw new RangeError(`delta expected a number in (0, 1), at least ${LEAST_DELTA}, got ${delta}`)
}

/** Outside of these a number in 64 bits is no longer a bound. */
export const LEAST_NOISE = 1e-3
export const MOST_NOISE = 1e6
const MOST_STEPS = 1e9
const LEAST_DELTA = 1e-100
