import { randomFillSync } from 'node:crypto'
import type { Random } from './random.js'

/** Randomness that nobody can foresee or draw again. */
export interface SecretRandom extends Random {
  /** True with the given probability, to within 2^-53. */
  coin(probability: number): boolean
}

const WORDS = 4096

/** The randomness of the operating system: it has no seed. `fill` gives the words; a test may give its own. */
export function createSecretRandom(fill: (words: Uint32Array) => void = randomFillSync): SecretRandom {
  const words = new Uint32Array(WORDS)
  let next = WORDS
  const word = (): number => {
    if (next === WORDS) {
      fill(words)
      next = 0
    }
    return words[next++] as number
  }
  return {
    uniform: () => (word() >>> 8) / 2 ** 24,
    coin: (probability) => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53 < probability,
    below(limit) {
      if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32)
        throw new RangeError(`limit expected a whole number in 1 to 2^32, got ${limit}`)
      const fair = 2 ** 32 - (2 ** 32 % limit)
      let drawn = word()
      while (drawn >= fair) drawn = word()
      return drawn % limit
    },
  }
}
