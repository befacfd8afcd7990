/**
 * The privacy of a sequence of noisy steps, as the smallest bound that holds.
 * @module
 */
import { gaussianEpsilon } from './gaussian.js'
import { checkDelta, checkPhases, countedRate, deltaLeft, type Phase } from './phase.js'
import { pldEpsilon } from './pld.js'
import { epsilonOfRdp, rdpCurve } from './rdp.js'

/** `gaussian`: exact, without sampling. `pld`: the distribution of the privacy loss. `rdp`: Renyi divergences. */
export type Accountant = 'gaussian' | 'pld' | 'rdp'

export interface Epsilon {
  readonly epsilon: number
  /** Whose bound it is. */
  readonly accountant: Accountant
  /** The order of the Renyi divergence; null for other accountants. */
  readonly order: number | null
}

/**
 * The epsilon of (epsilon, delta)-differential privacy, when one record is added or removed, of all phases together. Without
 * `accountant` it is the smallest of the bounds that hold; infinite where steps are too far from Gaussian ones for `delta`. Throws RangeError
 * for what cannot be accounted for, and when `gaussian` is asked about steps with sampling.
 */
export function epsilonOf(phases: readonly Phase[], delta: number, accountant?: Accountant): Epsilon {
  checkPhases(phases)
  checkDelta(delta)
  const whole = phases.every((phase) => countedRate(phase) === 1)
  if (accountant === 'gaussian' && !whole)
    throw new RangeError('accountant expected "pld" or "rdp" for steps with sampling, got "gaussian"')
  const least = (left: number): Epsilon => {
    if (accountant !== undefined) return bounds[accountant](phases, left)
    if (whole) return bounds.gaussian(phases, left)
    const [pld, rdp] = [bounds.pld(phases, left), bounds.rdp(phases, left)]
    return pld.epsilon <= rdp.epsilon ? pld : rdp
  }
  if (phases.every(({ apart = 0 }) => apart === 0)) return least(delta)
  let known = least(delta / 2)
  if (!(deltaLeft(delta, known.epsilon, phases) >= delta / 2))
    return { ...known, epsilon: Number.POSITIVE_INFINITY }
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const next = least(deltaLeft(delta, known.epsilon, phases)) // a smaller epsilon leaves more
    if (!(next.epsilon < known.epsilon)) break
    known = next
  }
  return known
}

const MOST_TURNS = 20

const bounds: Readonly<Record<Accountant, (phases: readonly Phase[], delta: number) => Epsilon>> = {
  gaussian: (phases, delta) => ({
    epsilon: gaussianEpsilon(phases, delta),
    accountant: 'gaussian',
    order: null,
  }),
  pld: (phases, delta) => ({ epsilon: pldEpsilon(phases, delta), accountant: 'pld', order: null }),
  rdp: (phases, delta) => ({ accountant: 'rdp', ...epsilonOfRdp(rdpCurve(phases), delta) }),
}
