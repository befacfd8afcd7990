/**
 * Right and wrong answers of a candidate and the champion on the same examples.
 * @module
 */
import { logGamma } from './student.js'

/**
 * McNemar's exact test: how likely so unequal a split of the examples is that only one of the two gets right, if both are as good.
 * Two-sided. RangeError for counts that are not whole or below 0.
 */
export function mcnemar(onlyChampion: number, onlyCandidate: number): number {
  for (const count of [onlyChampion, onlyCandidate])
    if (!(Number.isSafeInteger(count) && count >= 0))
      throw new RangeError(`count expected a whole number of at least 0, got ${count}`)
  const all = onlyChampion + onlyCandidate
  const fewer = Math.min(onlyChampion, onlyCandidate)
  const logChoose = (k: number): number => logGamma(all + 1) - logGamma(k + 1) - logGamma(all - k + 1)
  let tail = 0
  for (let k = 0; k <= fewer; k++) tail += Math.exp(logChoose(k) - all * Math.LN2)
  return Math.min(1, 2 * tail)
}

/** p-values of several tests, each as if it were the only one (Holm 1979): none below a level is false, with that level's confidence. */
export function holm(pValues: readonly number[]): readonly number[] {
  for (const p of pValues)
    if (!(p >= 0 && p <= 1)) throw new RangeError(`p-value expected from 0 to 1, got ${p}`)
  const order = pValues.map((p, at) => ({ p, at })).toSorted((one, other) => one.p - other.p)
  const adjusted = new Array<number>(pValues.length).fill(1)
  let highest = 0
  for (const [rank, { p, at }] of order.entries()) {
    highest = Math.max(highest, Math.min(1, p * (pValues.length - rank)))
    adjusted[at] = highest
  }
  return adjusted
}
