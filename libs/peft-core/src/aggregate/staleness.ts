/**
 * What late updates count: of asynchronous rounds, which take an update whenever it comes and step when enough are there.
 * Paper: https://arxiv.org/abs/2106.06639 (FedBuff). The kinds are those of FLSim, https://github.com/facebookresearch/FLSim
 *
 * An update is the difference from the version that its agent started from, which may be tau versions old by now.
 * @module
 */

export type StalenessWeight =
  | { readonly kind: 'constant' }
  | { readonly kind: 'polynomial'; readonly exponent: number } // (1 + tau)^-exponent; FedBuff's is 0.5
  | { readonly kind: 'threshold'; readonly cutoff: number; readonly late: number } // 1 up to tau = cutoff, then `late`, in (0, 1]

/** w(tau) in (0, 1]: 1 for an update of the current version. RangeError when tau is no whole number, or a setting does not fit. */
export function stalenessWeight(weight: StalenessWeight, staleness: number): number {
  if (!Number.isSafeInteger(staleness) || staleness < 0)
    throw new RangeError(`staleness expected a whole number of versions, got ${staleness}`)
  switch (weight.kind) {
    case 'constant':
      return 1
    case 'polynomial':
      if (!(weight.exponent >= 0 && weight.exponent < Number.POSITIVE_INFINITY))
        throw new RangeError(`exponent expected a number of 0 or more, got ${weight.exponent}`)
      return (1 + staleness) ** -weight.exponent
    case 'threshold':
      if (!Number.isSafeInteger(weight.cutoff) || weight.cutoff < 0)
        throw new RangeError(`cutoff expected a whole number of versions, got ${weight.cutoff}`)
      if (!(weight.late > 0 && weight.late <= 1))
        throw new RangeError(`late expected a number in (0, 1], got ${weight.late}`)
      return staleness <= weight.cutoff ? 1 : weight.late
  }
}

/** An update that waits in the buffer. */
export interface BufferedUpdate {
  readonly id: string
  readonly version: number // of the adapter that its agent started from
  readonly weight: number // above 0, of any scale: by examples, or the same for all
}

export interface StaleUpdate extends BufferedUpdate {
  readonly staleness: number // tau
}

export interface StalenessRule {
  readonly weight: StalenessWeight
  /** Updates that started from an older version are left out; null: none is too old. */
  readonly maxStaleness: number | null
  /**
   * false: staleness matters between the updates of a buffer only. true: a buffer of late updates also makes a shorter step, as in the
   * paper. false unless stated.
   */
  readonly shortens?: boolean
}

/** What a full buffer amounts to. */
export interface Buffered {
  /** In ascending order of id, with weight * w(tau) in place of the weight: what a strategy makes shares of. */
  readonly counted: readonly StaleUpdate[]
  /** Left out, to be told to the journal. */
  readonly tooOld: readonly StaleUpdate[]
  /** What the aggregated change is multiplied with: the mean w(tau) when the rule shortens, else 1. */
  readonly scale: number
}

/**
 * What the updates in a buffer count at the current version. When all are of that version, it is what a round without staleness counts,
 * to the bit. RangeError for a version that does not exist yet, an id that comes twice, or a weight that is not above 0: the intake
 * let through what it should not have.
 */
export function bufferWeights(
  updates: readonly BufferedUpdate[],
  currentVersion: number,
  { weight, maxStaleness, shortens = false }: StalenessRule,
): Buffered {
  if (maxStaleness !== null && (!Number.isSafeInteger(maxStaleness) || maxStaleness < 0))
    throw new RangeError(`maxStaleness expected a whole number of versions or null, got ${maxStaleness}`)
  const ordered = updates.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const measured = ordered.map((update, at) => {
    if (ordered[at + 1]?.id === update.id)
      throw new RangeError(`the buffer expected each update once, got ${update.id} twice`)
    if (!(update.weight > 0 && update.weight < Number.POSITIVE_INFINITY))
      throw new RangeError(`weight of ${update.id} expected > 0, got ${update.weight}`)
    if (update.version > currentVersion)
      throw new RangeError(
        `update ${update.id} expected a version up to ${currentVersion}, got ${update.version}`,
      )
    return { ...update, staleness: currentVersion - update.version }
  })
  const isTooOld = ({ staleness }: StaleUpdate): boolean => maxStaleness !== null && staleness > maxStaleness
  const taken = measured.filter((update) => !isTooOld(update))
  const counted = taken.map((update) => ({
    ...update,
    weight: update.weight * stalenessWeight(weight, update.staleness),
  }))
  const [before, after] = [taken, counted].map((all) => all.reduce((sum, update) => sum + update.weight, 0))
  const scale = shortens && taken.length > 0 ? (after as number) / (before as number) : 1
  return { counted, tooOld: measured.filter(isTooOld), scale }
}
