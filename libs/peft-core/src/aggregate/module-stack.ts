/**
 * The factors of one module of all contributions, read once and kept while they are few or take less memory than the module's
 * weight, or else read again, one contribution after the other, each time they are needed.
 * @module
 */
import type { Share } from './cohort.js'
import { type Factors, factorsIn, pairOf, type SharedFactors } from './module-factors.js'

export interface ModuleStack {
  readonly ranks: readonly number[] // of each contribution, in their order
  /** Whether the factors together are many and larger than the weight that they change, and not kept. */
  readonly isLarge: boolean
  /** Each contribution's factors in turn, in the order of the ids. */
  each(): AsyncIterable<SharedFactors>
  /** All of them at once. */
  all(): Promise<readonly SharedFactors[]>
}

/** What is kept in any case: 64 MB of float64, and a rank whose inner products take half as much. */
const KEPT_VALUES = 2 ** 23
const KEPT_RANK = 2 ** 11

/** A stack for each matrix of a module: one, or one for each expert. */
export async function stacksOf(shares: readonly Share[], path: string): Promise<readonly ModuleStack[]> {
  const pairs = shares.map(({ member }) => pairOf(member, path))
  const ranks = pairs.map(({ rank }) => rank)
  const { inFeatures = 0, outFeatures = 0, experts = 1 } = pairs[0] ?? {}
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const values = total * (inFeatures + outFeatures)
  const isLarge = values > inFeatures * outFeatures && (values > KEPT_VALUES || total > KEPT_RANK)
  if (isLarge && experts === 1) return [largeStack(shares, path, ranks)]
  const all: (readonly Factors[])[] = []
  for (const { member } of shares) all.push(await factorsIn(member, path))
  return Array.from({ length: experts }, (_, matrix) =>
    keptStack(all.map((factors, at) => ({ ...(factors[matrix] as Factors), share: shares[at]?.share ?? 0 }))),
  )
}

/** The factors of the contribution that comes first. */
export async function firstFactors({ each }: Pick<ModuleStack, 'each'>): Promise<Factors> {
  for await (const factors of each()) return factors
  throw new RangeError('a stack expected one contribution or more, got none')
}

/** Factors that are in memory. */
export function keptStack(members: readonly SharedFactors[]): ModuleStack {
  return {
    ranks: members.map(({ a }) => a.rows),
    isLarge: false,
    async *each() {
      yield* members
    },
    all: async () => members,
  }
}

function largeStack(shares: readonly Share[], path: string, ranks: readonly number[]): ModuleStack {
  async function* each(): AsyncGenerator<SharedFactors> {
    for (const { member, share } of shares) {
      const [factors] = await factorsIn(member, path)
      if (factors !== undefined) yield { ...factors, share }
    }
  }
  const all = async (): Promise<readonly SharedFactors[]> => {
    const members: SharedFactors[] = []
    for await (const member of each()) members.push(member)
    return members
  }
  return { ranks, isLarge: true, each, all }
}
