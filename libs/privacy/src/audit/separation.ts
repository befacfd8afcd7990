/**
 * How well scores tell those who were in the training data from those who were not.
 * Paper: https://arxiv.org/abs/2112.03570 (why the true positive rate at few false positives is what counts)
 * @module
 */
import { expectFinite } from './scores.js'

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface Separation {
  /** The chance that a member's score is above another's: 0.5 is guessing. */
  readonly auc: number
  /** The share of members found when at most 1 in 100 others is taken for one. */
  readonly tprAt1Percent: number
  /** The same at 1 in 1000. */
  readonly tprAt01Percent: number
}

export type SeparationIntervals = Readonly<Record<keyof Separation, Interval>>

/** RangeError when one of the lists is empty or holds a value that is not finite. */
export function separation(members: readonly number[], others: readonly number[]): Separation {
  expectScores(members, others)
  return {
    auc: areaUnderCurve(members, others),
    tprAt1Percent: truePositiveRate(members, others, 0.01),
    tprAt01Percent: truePositiveRate(members, others, 0.001),
  }
}

/** P(member > other) + P(member = other) / 2, the area under the receiver operating characteristic. */
export function areaUnderCurve(members: readonly number[], others: readonly number[]): number {
  const all = [
    ...members.map((score) => ({ score, isMember: true })),
    ...others.map((score) => ({ score, isMember: false })),
  ].sort((a, b) => a.score - b.score)
  let below = 0 // others with a lower score
  let area = 0
  for (let start = 0, end = 0; start < all.length; start = end) {
    let tiedMembers = 0
    let tiedOthers = 0
    for (; end < all.length && all[end]?.score === all[start]?.score; end++)
      if (all[end]?.isMember) tiedMembers++
      else tiedOthers++
    area += tiedMembers * (below + tiedOthers / 2)
    below += tiedOthers
  }
  return area / (members.length * others.length)
}

/**
 * The greatest share of members above a threshold that at most `falsePositiveRate` of the others are above. With fewer than
 * 1 / rate others, none of them may be.
 */
export function truePositiveRate(
  members: readonly number[],
  others: readonly number[],
  falsePositiveRate: number,
): number {
  const allowed = Math.floor(falsePositiveRate * others.length + 1e-9)
  const threshold = [...others].sort((a, b) => b - a)[allowed] ?? Number.NEGATIVE_INFINITY
  return members.filter((score) => score > threshold).length / members.length
}

/**
 * The middle 95% of what `resamples` draws of members and of others, with replacement, come to. `uniform` gives numbers
 * from 0 up to 1.
 */
export function separationIntervals(
  members: readonly number[],
  others: readonly number[],
  { resamples, uniform }: { readonly resamples: number; readonly uniform: () => number },
): SeparationIntervals {
  expectScores(members, others)
  const draw = (scores: readonly number[]) =>
    scores.map(() => scores[Math.floor(uniform() * scores.length)] as number)
  const found = Array.from({ length: resamples }, () => separation(draw(members), draw(others)))
  const interval = (name: keyof Separation): Interval => {
    const values = found.map((one) => one[name]).sort((a, b) => a - b)
    return { low: quantile(values, 0.025), high: quantile(values, 0.975) }
  }
  return {
    auc: interval('auc'),
    tprAt1Percent: interval('tprAt1Percent'),
    tprAt01Percent: interval('tprAt01Percent'),
  }
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number]
  return low + (place - Math.floor(place)) * (high - low)
}

function expectScores(members: readonly number[], others: readonly number[]): void {
  for (const [name, scores] of Object.entries({ members, others })) {
    if (scores.length === 0) throw new RangeError(`${name} expected one score or more, got none`)
    expectFinite(name, scores)
  }
}
