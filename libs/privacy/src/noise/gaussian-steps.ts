/**
 * Gaussian noise on a grid, drawn exactly: whole numbers k with
 *
 *   P(k) = Phi((k + 1/2) / 2^30) - Phi((k - 1/2) / 2^30)
 *
 * which is what a standard normal number becomes when it is counted in steps of 2^-30 and rounded to a whole number of them. No
 * floating-point function is evaluated: a number is made by comparing uniform ones, of which as many bits are drawn as decide.
 * https://arxiv.org/abs/1303.6257 (algorithm N)
 *
 * @module
 */
import { type RandomWords, randomWords } from './random-words.js'

/** Steps of the grid in one standard deviation. */
export const STEPS = 2 ** 30
const WORD = 2 ** 32

/** A uniform number of (0, 1): its first 32 bits, and those that a comparison needed beyond them. */
interface Uniform {
  first: number
  readonly rest: number[]
}

/** Draws `count` independent numbers, in steps. */
export function gaussianSteps(count: number, word: RandomWords = randomWords()): Float64Array {
  const steps = new Float64Array(count)
  const draw = normalSteps(word)
  for (let at = 0; at < count; at++) steps[at] = draw()
  return steps
}

function normalSteps(word: RandomWords): () => number {
  const [x, y, z, r] = [fresh(), fresh(), fresh(), fresh()]
  const renew = (one: Uniform): Uniform => {
    one.first = word()
    if (one.rest.length > 0) one.rest.length = 0
    return one
  }
  const isBelow = (one: Uniform, other: Uniform): boolean =>
    one.first === other.first ? isRestBelow(one, other, word) : one.first < other.first
  /** True with probability exp(-1/2): the length of a falling run below 1/2 is even. */
  const isHalfDecayed = (): boolean => {
    if (renew(y).first >= WORD / 2) return true
    for (;;) {
      if (!isBelow(renew(z), y)) return false
      if (!isBelow(renew(y), z)) return true
    }
  }
  /** True with probability exp(-x (2k + x) / (2k + 2)). */
  const isDecayed = (k: number): boolean => {
    let above: Uniform = x
    for (let length = 0; ; length++) {
      const below = above === y ? z : y
      if (!isBelow(renew(below), above)) return length % 2 === 0
      const lot = uniformBelow(2 * k + 2, word)
      if (lot === 2 * k + 1 || (lot === 2 * k && !isBelow(renew(r), x))) return length % 2 === 0
      above = below
    }
  }
  const isKept = (k: number): boolean => {
    for (let left = k * (k - 1); left > 0; left--) if (!isHalfDecayed()) return false
    renew(x)
    for (let left = k + 1; left > 0; left--) if (!isDecayed(k)) return false
    return true
  }
  return () => {
    for (;;) {
      let k = 0
      while (isHalfDecayed()) k++
      if (!isKept(k)) continue
      const size = k * STEPS + Math.floor((x.first + 2) / 4) // rounded: later bits cannot change it
      return word() < WORD / 2 ? size : -size
    }
  }
}

const fresh = (): Uniform => ({ first: 0, rest: [] })

/** Whether the later bits decide for the one: equal words are told apart by more of them. */
function isRestBelow(one: Uniform, other: Uniform, word: RandomWords): boolean {
  for (let at = 0; ; at++) {
    if (one.rest.length === at) one.rest.push(word())
    if (other.rest.length === at) other.rest.push(word())
    const [left, right] = [one.rest[at] as number, other.rest[at] as number]
    if (left !== right) return left < right
  }
}

/** A whole number below `bound`, each as likely. */
function uniformBelow(bound: number, word: RandomWords): number {
  const most = WORD - (WORD % bound)
  for (;;) {
    const drawn = word()
    if (drawn < most) return drawn % bound
  }
}
