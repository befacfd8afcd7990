import { createHash } from 'node:crypto'

/** Everything that a simulation leaves to chance: the same seed gives the same numbers in the same order. */
export interface Dice {
  /** From 0 to 1, without 1. */
  fraction(): number
  bytes(length: number): Uint8Array
  /** A number from `least` to `most`. */
  between(least: number, most: number): number
  /** A whole number from 0 to `below`, without `below`. */
  whole(below: number): number
  chance(probability: number): boolean
  /** One of a list that is not empty. */
  pick<T>(from: readonly T[]): T
  /** Dice of their own: what is drawn from them changes nothing here. */
  fork(name: string): Dice
}

/** Dice of a seed. */
export function createDice(seed: string): Dice {
  const digest = createHash('sha256').update(seed).digest()
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number]
  // sfc32 by Chris Doty-Humphrey, of PractRand: http://pracrand.sourceforge.net/RNG_engines.txt
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  const fraction = (): number => next() / 2 ** 32
  return {
    fraction,
    bytes(length) {
      const bytes = new Uint8Array(length)
      for (let index = 0; index < length; index++) bytes[index] = next() >>> 24
      return bytes
    },
    between: (least, most) => least + fraction() * (most - least),
    whole: (below) => Math.floor(fraction() * below),
    chance: (probability) => fraction() < probability,
    pick: (from) => from[Math.floor(fraction() * from.length)] as never,
    fork: (name) => createDice(`${seed}/${name}`),
  }
}
