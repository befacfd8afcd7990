import type { Share } from './cohort.js'
import { pairOf } from './module-factors.js'
import type { AggregationPlan } from './strategy.js'

/** The modules of an aggregate that are measured, and what to say where they are not all. */
export interface MeasureBudget {
  has(path: string): boolean
  readonly notes: readonly string[]
}

/**
 * All modules whose factors are sent, or, where that would take more multiplications than the plan allows, as many as it allows, spread evenly. The same
 * contributions give the same modules.
 */
export function measureBudget(
  shares: readonly Share[],
  { measured, local, mostMultiplications = Number.POSITIVE_INFINITY }: AggregationPlan,
): MeasureBudget {
  const pairs = measured ? [...(shares[0]?.member.pairs ?? [])] : []
  const paths = pairs
    .filter(([, { keyA, keyB }]) => local?.has(keyA) !== true && local?.has(keyB) !== true)
    .map(([path]) => path)
  const costs = paths.map((path) => multiplications(shares, path))
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  if (total <= mostMultiplications) return { has: (path) => measured && paths.includes(path), notes: [] }
  const stride = Math.ceil(total / mostMultiplications)
  let left = mostMultiplications
  const chosen = paths.filter((_, at) => {
    const cost = costs[at] as number
    if (at % stride !== 0 || cost > left) return false
    left -= cost
    return true
  })
  const note = `${chosen.length} of ${paths.length} modules were measured: all would have taken too long`
  return { has: (path) => chosen.includes(path), notes: [note] }
}

/** Of the inner products of all factors of a module, or of forming its sum where those are very many. */
function multiplications(shares: readonly Share[], path: string): number {
  const pairs = shares.map(({ member }) => pairOf(member, path))
  const { inFeatures = 0, outFeatures = 0, experts = 1 } = pairs[0] ?? {}
  const rank = pairs.reduce((sum, pair) => sum + pair.rank, 0)
  const ofProducts = rank * rank * (inFeatures + outFeatures)
  const ofSum = 4 * rank * inFeatures * outFeatures
  return experts * Math.min(ofProducts, Math.max(ofSum, ofProducts / 64))
}
