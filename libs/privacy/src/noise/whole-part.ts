/**
 * The whole part of a half-normal number before its fraction decides: k with probability exp(-k^2 / 2) / (sum over j of exp(-j^2 / 2)), drawn
 * exactly. A uniform number is compared with the cumulative sums, which are known to as many bits as it takes to tell which is larger.
 *
 * @module
 */
import type { RandomWords } from './random-words.js'

const WORD_BITS = 32
const GUARD_BITS = 64n // computed beyond those that are compared
const ERROR = 1n << 24n // of what is computed, in its last place, at most: a few thousand products, each of which rounds down

/** Bounds on floor(2^bits (sum of the probabilities up to k)), for every k at which that is not surely 2^bits - 1. */
interface Sums {
  readonly low: readonly bigint[]
  readonly high: readonly bigint[]
}

function sumsTo(bits: number): Sums {
  const places = BigInt(bits) + GUARD_BITS
  const one = 1n << places
  let root = 0n // exp(-1/2), by its series
  for (let term = one, n = 1n; term > 0n; n++) {
    root += n % 2n === 1n ? term : -term
    term /= 2n * n
  }
  const weights: bigint[] = []
  const square = (root * root) >> places
  for (let weight = one, step = root; weight > 0n; ) {
    weights.push(weight)
    weight = (weight * step) >> places // k^2 grows by 2k + 1
    step = (step * square) >> places
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0n)
  const sums: bigint[] = []
  for (let sum = 0n, k = 0; k < weights.length; k++) {
    sum += weights[k] as bigint
    sums.push((sum << places) / total)
  }
  return {
    low: sums.map((sum) => (sum - ERROR) >> GUARD_BITS),
    high: sums.map((sum) => (sum + ERROR) >> GUARD_BITS),
  }
}

const known = new Map<number, Sums>()

function sumsOf(bits: number): Sums {
  const sums = known.get(bits) ?? sumsTo(bits)
  known.set(bits, sums)
  return sums
}

/** Of each k, the least first word that a larger one may have; a word that is equal decides nothing. */
const edges = Float64Array.from(sumsOf(WORD_BITS).low, Number)
const isSure = sumsOf(WORD_BITS).low.map((low, k) => low === sumsOf(WORD_BITS).high[k])

/** Draws the whole part. */
export function wholePart(word: RandomWords): number {
  const first = word()
  for (let k = 0; k < edges.length; k++) {
    const edge = edges[k] as number
    if (first < edge) return k
    if (first === edge || isSure[k] !== true) break
  }
  return slowly(first, word)
}

/** With more words, as many as it takes. */
function slowly(first: number, word: RandomWords): number {
  let drawn = BigInt(first)
  for (let bits = 2 * WORD_BITS; ; bits += WORD_BITS) {
    drawn = (drawn << BigInt(WORD_BITS)) | BigInt(word())
    const { low, high } = sumsOf(bits)
    const k = high.findIndex((sum) => drawn <= sum)
    if (k >= 0 && drawn < (low[k] as bigint)) return k
  }
}
