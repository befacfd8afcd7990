/**
 * Random numbers that are the same everywhere for the same seed and stream: xoshiro128** seeded by SHA-256.
 * Source: https://prng.di.unimi.it/xoshiro128starstar.c (public domain, Blackman and Vigna)
 * @module
 */
import { createHash } from 'node:crypto'

export interface Random {
  /** A multiple of 2^-24 in [0, 1), exact in float32. */
  uniform(): number
  /** A whole number in [0, limit), each as likely. RangeError unless 1 <= limit <= 2^32. */
  below(limit: number): number
}

/** The random numbers of one stream of a seed: `createRandom(7, 'shuffle 3')` never depends on other streams. */
export function createRandom(seed: number, stream: string): Random {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed expected a whole number, got ${seed}`)
  const digest = createHash('sha256').update(`${seed}\n${stream}`).digest()
  const state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at))
  if (state.every((word) => word === 0)) state[0] = 1
  const next = (): number => nextWord(state)
  return {
    uniform: () => (next() >>> 8) / 2 ** 24,
    below(limit) {
      if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) {
        throw new RangeError(`limit expected a whole number in 1 to 2^32, got ${limit}`)
      }
      const fair = 2 ** 32 - (2 ** 32 % limit)
      let word = next()
      while (word >= fair) word = next()
      return word % limit
    },
  }
}

/** The numbers 0 to count - 1 in random order (Fisher and Yates). */
export function shuffled(count: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const kept = order[last] as number
    order[last] = order[other] as number
    order[other] = kept
  }
  return order
}

/** Fills with numbers of mean 0 and variance 1: the polar method of Box, Muller and Marsaglia. */
export function fillNormal(values: Float32Array | Float64Array, random: Random): void {
  for (const at of values.keys()) {
    let [x, square] = [0, 0]
    while (square === 0 || square >= 1) {
      const y = 2 * random.uniform() - 1
      x = 2 * random.uniform() - 1
      square = x * x + y * y
    }
    values[at] = x * Math.sqrt((-2 * Math.log(square)) / square)
  }
}

function nextWord(state: Uint32Array): number {
  const [a, b, c, d] = state as unknown as [number, number, number, number]
  const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
  state[2] = c ^ a
  state[3] = d ^ b
  state[1] = b ^ (c ^ a)
  state[0] = a ^ (d ^ b)
  state[2] = c ^ a ^ (b << 9)
  state[3] = rotated(d ^ b, 11)
  return result
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}
