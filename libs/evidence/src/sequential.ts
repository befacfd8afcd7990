/**
 * Comparisons that may be looked at as often as one likes. A fixed test that is repeated raises false alarms until it has raised one; these
 * keep their level over all looks together.
 *
 * The mixture sequential probability ratio test (Robbins 1970; Johari, Pekelis and Walsh 2015, https://arxiv.org/abs/1512.04922):
 * for an estimate d with variance V, and true differences spread as N(0, tau^2) if there are any,
 *
 *   Lambda = sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2)))
 *
 * Lambda exceeds 1 / alpha at any time with probability at most alpha when nothing differs. With the variance estimated it holds for many
 * observations (Waudby-Smith et al. 2021, https://arxiv.org/abs/2103.06476): `leastCount` keeps it from speaking before.
 * @module
 */
import { expectSums, meanOf, type Sums, varianceOf } from './sums.js'

export interface SequentialPlan {
  readonly alpha: number // chance of a false alarm, over all looks
  readonly effect: number // tau: the size of a difference that matters; it is found soonest
  readonly leastCount: number // observations of each arm before anything is said
}

/** A difference of means at any look, and how strongly it speaks against none. */
export interface SequentialLook {
  readonly difference: number // candidate - champion
  readonly low: number // -Infinity while nothing is said
  readonly high: number
  readonly pValue: number // valid at every look; the least so far is valid too
}

/** What is known after any number of observations of both. RangeError for sums of no real values, and for a plan that is none. */
export function lookAt(champion: Sums, candidate: Sums, plan: SequentialPlan): SequentialLook {
  expectPlan(plan)
  expectSums('champion', champion, 0)
  expectSums('candidate', candidate, 0)
  const difference = meanOf(candidate) - meanOf(champion)
  const isEarly = Math.min(champion.count, candidate.count) < Math.max(2, plan.leastCount)
  if (isEarly) return { difference, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, pValue: 1 }
  const variance = varianceOf(champion) / champion.count + varianceOf(candidate) / candidate.count
  return looked(difference, variance, plan)
}

/** The same of paired differences, candidate - champion. */
export function lookAtPairs(differences: Sums, plan: SequentialPlan): SequentialLook {
  expectPlan(plan)
  expectSums('differences', differences, 0)
  const difference = meanOf(differences)
  if (differences.count < Math.max(2, plan.leastCount))
    return { difference, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, pValue: 1 }
  return looked(difference, varianceOf(differences) / differences.count, plan)
}

function looked(difference: number, variance: number, { alpha, effect }: SequentialPlan): SequentialLook {
  if (variance === 0) {
    // Constant values: any difference at all is certain.
    return { difference, low: difference, high: difference, pValue: difference === 0 ? 1 : 0 }
  }
  const mixed = variance + effect * effect
  const logLambda =
    0.5 * Math.log(variance / mixed) + (effect * effect * difference * difference) / (2 * variance * mixed)
  const reach = Math.sqrt(
    ((variance * mixed) / (effect * effect)) * (2 * Math.log(1 / alpha) + Math.log(mixed / variance)),
  )
  return {
    difference,
    low: difference - reach,
    high: difference + reach,
    pValue: Math.min(1, Math.exp(-logLambda)),
  }
}

function expectPlan({ alpha, effect, leastCount }: SequentialPlan): void {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha expected between 0 and 1, got ${alpha}`)
  if (!(effect > 0 && effect < Number.POSITIVE_INFINITY))
    throw new RangeError(`effect expected above 0, got ${effect}`)
  if (!(Number.isSafeInteger(leastCount) && leastCount >= 0))
    throw new RangeError(`leastCount expected a whole number of at least 0, got ${leastCount}`)
}
