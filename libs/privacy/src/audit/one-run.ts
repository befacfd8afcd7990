/**
 * A lower bound on epsilon from one training run: canaries are put in or left out by a coin each, an attacker guesses which.
 * Paper: https://arxiv.org/abs/2305.08846 (Steinke, Nasr and Jagielski 2023, theorem 5.2 with its delta term)
 * @module
 */
import { expectFinite } from './scores.js'

export interface Guesses {
  /** Canaries that a fair coin each put in or left out. */
  readonly canaries: number
  /** How many were guessed; of the rest nothing was said. */
  readonly guesses: number
  readonly correct: number
}

/** How sure a bound is unless stated: with a chance of at most 5% it is above the truth. */
export const SIGNIFICANCE = 0.05

const MOST = 100 // a bound beyond it is of no use to anybody
const PRECISE = 1e-9

/**
 * The greatest epsilon that the guesses refute: were the training (epsilon, delta)-private, so many correct ones would
 * have a chance of less than `significance`. 0 when they refute nothing. RangeError for counts that cannot be.
 */
export function epsilonLowerBound(
  guesses: Guesses,
  delta: number,
  significance: number = SIGNIFICANCE,
): number {
  expectCounts(guesses)
  for (const [name, value, isIn] of [
    ['delta', delta, delta >= 0 && delta < 1],
    ['significance', significance, significance > 0 && significance < 1],
  ] as const)
    if (!isIn) throw new RangeError(`${name} expected a number from 0 up to 1, got ${value}`)
  const isRefuted = (epsilon: number): boolean => chanceOf(guesses, epsilon, delta) < significance
  if (!isRefuted(0)) return 0
  let [low, high] = [0, MOST]
  if (isRefuted(high)) return high
  while (high - low > PRECISE) {
    const middle = (low + high) / 2
    if (isRefuted(middle)) low = middle
    else high = middle
  }
  return low
}

/** A bound on the chance of `correct` or more right guesses, if training were (epsilon, delta)-private. */
export function chanceOf({ canaries, guesses, correct }: Guesses, epsilon: number, delta: number): number {
  const logOdds = -Math.log1p(Math.exp(-epsilon)) // log of e^eps / (1 + e^eps)
  const logRest = -epsilon + logOdds
  const chances = binomial(guesses, logOdds, logRest)
  let tail = 0
  for (let hits = guesses; hits >= correct; hits--) tail += chances[hits] as number
  let greatest = 0
  let between = 0 // P[correct > hits >= correct - i]
  for (let i = 1; i <= correct; i++) {
    between += chances[correct - i] as number
    greatest = Math.max(greatest, between / i)
  }
  return Math.min(1, tail + 2 * canaries * delta * greatest)
}

/** What a guesser says of canaries whose scores are known: the highest were in, the lowest were not. */
export function guessesOf(members: readonly number[], others: readonly number[], guesses: number): Guesses {
  expectFinite('members', members)
  expectFinite('others', others)
  const canaries = members.length + others.length
  if (!Number.isInteger(guesses) || guesses < 1 || guesses > canaries)
    throw new RangeError(`guesses expected a whole number from 1 to ${canaries}, got ${guesses}`)
  // Members come last among equals from above and first from below, so that a tie is never a lucky guess.
  const high = [
    ...others.map((score) => ({ score, isMember: false })),
    ...members.map((score) => ({ score, isMember: true })),
  ].sort((a, b) => b.score - a.score)
  const low = [
    ...members.map((score) => ({ score, isMember: true })),
    ...others.map((score) => ({ score, isMember: false })),
  ].sort((a, b) => a.score - b.score)
  const inside = Math.ceil(guesses / 2)
  const correct =
    high.slice(0, inside).filter(({ isMember }) => isMember).length +
    low.slice(0, guesses - inside).filter(({ isMember }) => !isMember).length
  return { canaries, guesses, correct }
}

export interface Audit extends Guesses {
  readonly epsilonLowerBound: number
  /** Of this bound alone: a share of the significance of the whole audit. */
  readonly significance: number
}

const SHARES = [1, 1 / 2, 1 / 4, 1 / 10, 1 / 20]

/**
 * The best bound over how many canaries are guessed: all, a half, a quarter, a tenth, a twentieth. Each is tried at a share
 * of the significance, so that choosing among them costs nothing of what the bound means.
 */
export function auditCanaries(
  members: readonly number[],
  others: readonly number[],
  delta: number,
  significance: number = SIGNIFICANCE,
): Audit {
  const canaries = members.length + others.length
  const counts = [...new Set(SHARES.map((share) => Math.max(1, Math.floor(share * canaries))))]
  const audits = counts.map((count): Audit => {
    const guesses = guessesOf(members, others, count)
    const share = significance / counts.length
    return { ...guesses, epsilonLowerBound: epsilonLowerBound(guesses, delta, share), significance: share }
  })
  return audits.reduce((best, one) => (one.epsilonLowerBound > best.epsilonLowerBound ? one : best))
}

function binomial(count: number, logYes: number, logNo: number): Float64Array {
  const chances = new Float64Array(count + 1)
  let logChoose = 0
  for (let hits = 0; hits <= count; hits++) {
    chances[hits] = Math.exp(logChoose + hits * logYes + (count - hits) * logNo)
    logChoose += Math.log(count - hits) - Math.log(hits + 1)
  }
  return chances
}

function expectCounts({ canaries, guesses, correct }: Guesses): void {
  const isWhole = [canaries, guesses, correct].every((count) => Number.isInteger(count) && count >= 0)
  if (isWhole && correct <= guesses && guesses <= canaries && canaries > 0) return
  throw new RangeError(
    `expected whole numbers with correct <= guesses <= canaries, got ${correct} of ${guesses} of ${canaries}`,
  )
}
