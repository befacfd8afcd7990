/**
 * What was released about the data of one site, and what all of it together promises.
 * @module
 */
import { type Epsilon, epsilonOf } from '../accountant/epsilon.js'
import { checkPhases, countedRate, type Phase } from '../accountant/phase.js'

/**
 * What a promise is about. `site`: whether the data of a site count at all, or its part of each sum is zero. `example`: whether one
 * example is among the data of its site.
 */
export type PrivacyUnit = 'site' | 'example'

/** Noisy steps that released something about a site, and the unit that their noise was made for. */
export interface Charge extends Phase {
  readonly unit: PrivacyUnit
}

/** Everything that was released about one site: entries are only ever added, and equal ones are counted by their steps. */
export type Account = readonly Charge[]

/**
 * An account with a charge more. The order of charges does not matter, so equal ones are one with all of their steps.
 * Throws RangeError for a charge that cannot be accounted for.
 */
export function withCharge(account: Account, charge: Charge): Account {
  checkPhases([charge])
  if (charge.unit !== 'site' && charge.unit !== 'example')
    throw new RangeError(`unit expected "site" or "example", got ${JSON.stringify(charge.unit)}`)
  const { unit, noiseMultiplier, samplingRate, sampling, steps, apart = 0 } = charge
  const equal = account.findIndex((known) => isEqual(known, charge))
  if (equal < 0) {
    const far = apart === 0 ? {} : { apart }
    return [...account, { unit, noiseMultiplier, samplingRate, sampling, steps, ...far }]
  }
  return account.map((known, at) => (at === equal ? { ...known, steps: known.steps + steps } : known))
}

function isEqual(one: Charge, other: Charge): boolean {
  return (
    one.unit === other.unit &&
    one.noiseMultiplier === other.noiseMultiplier &&
    one.sampling === other.sampling &&
    (one.apart ?? 0) === (other.apart ?? 0) &&
    countedRate(one) === countedRate(other)
  )
}

/**
 * What an account promises at `delta` for a unit, for who sees everything that was released; null where it promises nothing.
 *
 * Noise for sites covers examples too: one example turns an update into any other one within the clip, which changes a sum by twice as
 * much as leaving it out. Noise for examples says nothing of a site as a whole.
 */
export function spent(account: Account, unit: PrivacyUnit, delta: number): Epsilon | null {
  const phases = phasesFor(account, unit)
  if (phases === null) return null
  if (phases.length === 0) return { epsilon: 0, accountant: 'gaussian', order: null }
  return epsilonOf(phases, delta)
}

function phasesFor(account: Account, unit: PrivacyUnit): readonly Phase[] | null {
  if (unit === 'site' && account.some((charge) => charge.unit === 'example')) return null
  return account.map((charge) =>
    charge.unit === unit ? charge : { ...charge, noiseMultiplier: charge.noiseMultiplier / 2 },
  )
}

/** What an account would promise after a charge more; null where it would promise nothing. */
export function projected(account: Account, charge: Charge, delta: number): Epsilon | null {
  return spent(withCharge(account, charge), charge.unit, delta)
}
