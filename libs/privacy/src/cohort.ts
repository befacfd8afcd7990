/**
 * What may be said of numbers that several sites gave where no single site is to be seen: their sum, when enough of them are in it.
 * @module
 */

/** A mean loss over the tokens of several agents, with what each of them gave. */
export interface Pool<Agent> {
  readonly loss: number | null // mean over all tokens; null where nothing may be said
  readonly tokens: number
  readonly perAgent: readonly Agent[]
}

/** The fewest agents whose numbers are shown as one: of two, each would know the other's. */
export const LEAST_COHORT = 3

/**
 * The pool without what single agents gave; of fewer than `least` agents, nothing at all. Everything else stays as it is. A `least`
 * that is no whole number of 3 or more is a RangeError: it would protect nobody.
 */
export function pooled<Agent, P extends Pool<Agent>>(pool: P, least: number = LEAST_COHORT): P {
  if (!Number.isInteger(least) || least < LEAST_COHORT)
    throw new RangeError(`least expected a whole number of ${LEAST_COHORT} or more, got ${least}`)
  if (pool.perAgent.length >= least) return { ...pool, perAgent: [] }
  return { ...pool, loss: null, tokens: 0, perAgent: [] }
}
