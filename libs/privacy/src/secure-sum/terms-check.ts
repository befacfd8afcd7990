import { LEAST_COHORT } from '../cohort.js'
import { MEASURED_ELEMENTS, measuredRing } from './measured-loss.js'
import { planRing } from './ring.js'
import { MAX_SHARES } from './secret-shares.js'
import { noiseFault } from './shared-noise.js'
import type { SumRefusal, SumTerms } from './terms.js'
import { refusal } from './terms.js'

/**
 * Why these terms do not protect the values of an agent that wants to be one of at least `minAgents`; null when they do.
 *
 *   2 minSurvivors > agents       two lists of survivors cannot both be confirmed by honest agents
 *   2 threshold > degree + 1      two halves of a neighbourhood cannot give both secrets of one agent back
 *   honest <= minSurvivors        a promise counts on the noise of no more agents than are in the sum
 *
 * A sum of what agents measure is exact, and of at least as many agents as may be shown together.
 */
export function termsProblem(terms: SumTerms, minAgents: number): SumRefusal | null {
  const { elements, ring, degree, threshold, minSurvivors, round, attempt, noise } = terms
  const { agents } = ring
  if (!whole(round, 0) || !whole(attempt, 1) || !whole(elements, 1))
    return unfit('a round, an attempt and elements', `${round}, ${attempt}, ${elements}`)
  try {
    const { bits } = planRing(ring)
    if (!whole(ring.bits, bits) || ring.bits > 32)
      return unfit(`a ring of ${bits} to 32 bits`, `${ring.bits} bits`)
  } catch (error) {
    return refusal('terms', (error as Error).message)
  }
  if (agents < 3) return unfit('at least 3 agents', `${agents}`)
  if (!whole(degree, 2) || degree > agents - 1 || (degree % 2 === 1 && degree !== agents - 1))
    return unfit(`an even degree from 2, or ${agents - 1}`, `${degree}`)
  if (degree + 1 > MAX_SHARES) return unfit(`a degree under ${MAX_SHARES}`, `${degree}`)
  if (!whole(threshold, 2) || threshold > degree + 1 || 2 * threshold <= degree + 1)
    return unfit(`a threshold above half of ${degree + 1} shares`, `${threshold}`)
  if (!whole(minSurvivors, 2) || minSurvivors > agents || 2 * minSurvivors <= agents)
    return unfit(`survivors above half of ${agents} agents`, `at least ${minSurvivors}`)
  if (minSurvivors < threshold) return unfit(`at least ${threshold} survivors`, `${minSurvivors}`)
  const fault = noise === undefined ? undefined : noiseFault(noise, terms)
  if (fault !== undefined) return refusal('terms', `terms expected ${fault}`)
  if (noise !== undefined && noise.honest > minSurvivors)
    return unfit(`noise of at most ${minSurvivors} honest agents`, `${noise.honest}`)
  if (terms.measures !== undefined && !isExact(terms))
    return unfit('whole numbers without noise, in the ring of what agents measure', 'others')
  if (terms.measures !== undefined && minSurvivors < LEAST_COHORT)
    return unfit(`what at least ${LEAST_COHORT} agents measured`, `${minSurvivors}`)
  if (minSurvivors < minAgents) return unfit(`a sum of at least ${minAgents} agents`, `${minSurvivors}`)
  return null
}

function isExact({ elements, ring, noise }: SumTerms): boolean {
  const { bound, fractionBits, bits } = measuredRing(ring.agents)
  const isSame = ring.bound === bound && ring.fractionBits === fractionBits && ring.bits === bits
  return isSame && elements === MEASURED_ELEMENTS && noise === undefined
}

const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least
const unfit = (expected: string, got: string): SumRefusal =>
  refusal('terms', `terms expected ${expected}, got ${got}`)
