/**
 * Gaussian noise on a grid, drawn exactly: whole numbers k with
 *
 *   P(k) = Phi((k + 1/2) / 2^30) - Phi((k - 1/2) / 2^30)
 *
 * which is what a standard normal number becomes when it is counted in steps of 2^-30 and rounded to a whole number of them. No
 * floating-point function is evaluated: a number is made by comparing uniform ones, of which as many bits are drawn as decide.
 * https://arxiv.org/abs/1303.6257 (algorithm N, whose first two steps are one comparison here)
 *
 * @module
 */
import { type RandomWords, randomWords } from './random-words.js'
import { wholePart } from './whole-part.js'

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
  /** True with probability exp(-x (2k + x) / (2k + 2)): a chain that falls goes on with chance (2k + x) / (2k + 2), and its length is even. */
  const isDecayed = (k: number): boolean => {
    const share = Math.floor(WORD / (2 * k + 2)) // of the words, for each of 2k + 2 lots; those beyond all of them are drawn again
    let above: Uniform = x
    for (let isEven = true; ; isEven = !isEven) {
      const below = above === y ? z : y
      if (!isBelow(renew(below), above)) return isEven
      let lot = word()
      while (lot >= (2 * k + 2) * share) lot = word()
      if (lot >= 2 * k * share && (lot >= (2 * k + 1) * share || !isBelow(renew(r), x))) return isEven
      above = below
    }
  }
  const isKept = (k: number): boolean => {
    renew(x)
    for (let left = k + 1; left > 0; left--) if (!isDecayed(k)) return false
    return true
  }
  let [signs, unused] = [0, 0] // bits that were drawn for signs, and how many of them nobody had yet
  const isNegative = (): boolean => {
    if (unused === 0) {
      signs = word() | 0
      unused = 32
    }
    unused--
    const isSet = (signs & 1) === 1
    signs >>>= 1
    return isSet
  }
  return () => {
    for (;;) {
      const k = wholePart(word)
      if (!isKept(k)) continue
      const size = k * STEPS + Math.floor((x.first + 2) / 4) // rounded: later bits cannot change it
      return isNegative() ? -size : size
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
