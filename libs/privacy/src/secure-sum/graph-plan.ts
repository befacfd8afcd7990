/**
 * How many neighbours and shares a secure sum needs, from who may be dishonest and who may drop out.
 * The chances are those of https://eprint.iacr.org/2020/704: an agent's neighbours are a uniform choice among the others, so the
 * corrupt ones and the dropouts among them are hypergeometric; a union bound over the agents does the rest.
 *
 * @module
 */
import { MAX_SHARES } from './secret-shares.js'

export interface GraphRequest {
  readonly agents: number
  /** Share of the agents, in [0, 1), that may work together with the coordinator. */
  readonly corruptShare: number
  /** Share of the agents, in [0, 1), that may drop out. */
  readonly dropoutShare: number
  /** The chance that values are not protected stays below 2^-securityBits. 40 when left out. */
  readonly securityBits?: number
  /** The chance that a sum with so many dropouts cannot be finished stays below 2^-completionBits. 20 when left out. */
  readonly completionBits?: number
  /** Up to this many agents everybody is everybody's neighbour, whatever the chances would allow. 100 when left out. */
  readonly completeUpTo?: number
}

/** Neighbours, shares and survivors, as `SumTerms` wants them. */
export interface GraphPlan {
  readonly degree: number
  readonly threshold: number
  readonly minSurvivors: number
}

/**
 * The smallest degree, and the smallest threshold that goes with it. Of a complete graph everything holds for certain, not by chance.
 * Throws RangeError when no plan protects so many agents: when corrupt + 2 dropouts reaches the number of agents (two lists of survivors
 * could both be confirmed), or when a graph small enough for 255 shares per secret misses the chances.
 */
export function planGraph(request: GraphRequest): GraphPlan {
  const { agents, corruptShare, dropoutShare } = request
  const { securityBits = 40, completionBits = 20, completeUpTo = 100 } = request
  if (!Number.isSafeInteger(agents) || agents < 3)
    throw new RangeError(`agents expected a whole number from 3, got ${agents}`)
  for (const [name, share] of Object.entries({ corruptShare, dropoutShare }))
    if (!(share >= 0 && share < 1)) throw new RangeError(`${name} expected a number in [0, 1), got ${share}`)
  const corrupt = Math.floor(agents * corruptShare)
  const dropouts = Math.floor(agents * dropoutShare)
  const minSurvivors = agents - dropouts
  if (corrupt + 2 * dropouts >= agents)
    throw new RangeError(
      `dropoutShare expected corrupt + 2 dropouts under ${agents}, got ${corrupt} + 2 x ${dropouts}`,
    )
  const complete = {
    degree: agents - 1,
    threshold: Math.max(2, corrupt + 1, Math.floor(agents / 2) + 1),
    minSurvivors,
  }
  if (agents <= completeUpTo) return complete
  const logAgents = Math.log(agents)
  const isRare = (logChance: number, bits: number): boolean => logAgents + logChance <= -bits * Math.LN2
  for (let degree = 2; degree < Math.min(agents - 1, MAX_SHARES); degree += 2) {
    if (!isRare(logAllBad(agents, corrupt + dropouts, degree / 2), securityBits)) continue
    for (let threshold = Math.max(2, degree / 2 + 1); threshold <= degree; threshold += 1) {
      if (!isRare(logTail(agents - 1, corrupt, degree, threshold), securityBits)) continue
      // fewer than `threshold` neighbours survive when more than degree - threshold drop out
      if (isRare(logTail(agents - 1, dropouts, degree, degree - threshold + 1), completionBits))
        return { degree, threshold, minSurvivors }
      break
    }
  }
  if (agents <= MAX_SHARES) return complete
  throw new RangeError(`agents expected few enough for ${MAX_SHARES} shares per secret, got ${agents}`)
}

/** The logarithm of the chance that at least `least` of `drawn` are marked, when `marked` of `total` are. -Infinity when impossible. */
export function logTail(total: number, marked: number, drawn: number, least: number): number {
  const most = Math.min(drawn, marked)
  let sum = 0
  let largest = Number.NEGATIVE_INFINITY
  for (let count = Math.max(least, drawn - (total - marked), 0); count <= most; count += 1) {
    const term = logChoose(marked, count) + logChoose(total - marked, drawn - count) - logChoose(total, drawn)
    const next = Math.max(largest, term)
    sum = sum * Math.exp(largest - next) + Math.exp(term - next)
    largest = next
  }
  return sum === 0 ? Number.NEGATIVE_INFINITY : largest + Math.log(sum)
}

/** The logarithm of the chance that a run of `length` agents on the circle is bad: with none such, the good ones stay connected. */
function logAllBad(agents: number, bad: number, length: number): number {
  let log = 0
  for (let i = 0; i < length; i += 1)
    log += bad > i ? Math.log((bad - i) / (agents - i)) : Number.NEGATIVE_INFINITY
  return log
}

function logChoose(total: number, drawn: number): number {
  return logFactorial(total) - logFactorial(drawn) - logFactorial(total - drawn)
}

const logFactorials = [0]

function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i += 1) logFactorials.push(logFactorials[i - 1]! + Math.log(i))
  return logFactorials[n]!
}
