/**
 * The ring that updates are summed in: integers modulo 2^bits that stand for fixed-point numbers.
 * Pairwise masks cancel exactly there, which floating point cannot promise.
 *
 *   integer = round(x * 2^fractionBits)      largest = round(bound * 2^fractionBits)
 *   no sum wraps when   agents * largest <= 2^(bits - 1) - 1
 *
 * @module
 */

/** What to plan a ring from. */
export interface RingRequest {
  /** The most agents whose values are ever summed. */
  readonly agents: number
  /** The largest magnitude of one value. A bound on the L2 norm of the update is one: no value is larger than its norm. */
  readonly bound: number
  /** Binary places kept after the point; below 0 for values that are large. */
  readonly fractionBits: number
}

/** Integers modulo 2^bits in which the sum of at most `agents` values within `bound` cannot wrap. */
export interface Ring extends RingRequest {
  /** Bits of an element, 2 to 32. */
  readonly bits: number
}

/**
 * The smallest ring in which the sum of at most `agents` values within `bound` cannot wrap.
 * Throws RangeError when it would need more than 32 bits, or when every value within the bound would round to 0.
 */
export function planRing({ agents, bound, fractionBits }: RingRequest): Ring {
  if (!Number.isSafeInteger(agents) || agents < 1)
    throw new RangeError(`agents expected a whole number from 1, got ${agents}`)
  if (!Number.isFinite(bound) || bound <= 0)
    throw new RangeError(`bound expected a finite number above 0, got ${bound}`)
  if (!Number.isInteger(fractionBits) || Math.abs(fractionBits) > 160)
    throw new RangeError(`fractionBits expected a whole number from -160 to 160, got ${fractionBits}`)
  const largest = largestInteger(bound, fractionBits)
  if (largest < 1)
    throw new RangeError(
      `fractionBits expected enough that a value of ${bound} is not rounded to 0, got ${fractionBits}`,
    )
  for (let bits = 2; bits <= 32; bits += 1)
    if (agents * largest <= 2 ** (bits - 1) - 1) return { agents, bound, fractionBits, bits }
  throw new RangeError(
    `fractionBits expected so few that ${agents} values up to ${bound} sum in 32 bits, got ${fractionBits}`,
  )
}

/** The ring of at most `bits` bits (32 when left out) that keeps the most binary places. Throws RangeError when there is none. */
export function finestRing({ agents, bound }: Omit<RingRequest, 'fractionBits'>, bits = 32): Ring {
  if (!Number.isInteger(bits) || bits < 2 || bits > 32)
    throw new RangeError(`bits expected a whole number from 2 to 32, got ${bits}`)
  for (let fractionBits = 160; fractionBits >= -160; fractionBits -= 1) {
    const largest = largestInteger(bound, fractionBits)
    if (largest >= 1 && agents * largest <= 2 ** (bits - 1) - 1)
      return { ...planRing({ agents, bound, fractionBits }), bits }
  }
  throw new RangeError(
    `bits expected enough that ${agents} values up to ${bound} sum without wrapping, got ${bits}`,
  )
}

/**
 * The ring of `bits` bits with the most binary places in which `agents` values within `bound` cannot wrap, whichever way each is rounded:
 * its bound is `bound` rounded up to a step. Throws RangeError when there is none.
 */
export function steppedRing({ agents, bound }: Omit<RingRequest, 'fractionBits'>, bits = 32): Ring {
  const finest = finestRing({ agents, bound }, bits)
  for (const fractionBits of [finest.fractionBits, finest.fractionBits - 1]) {
    const step = 2 ** -fractionBits
    const whole = Math.ceil(bound / step) * step
    const largest = largestInteger(whole, fractionBits)
    if (agents * largest <= 2 ** (bits - 1) - 1) return { agents, bound: whole, fractionBits, bits }
  }
  throw new RangeError(
    `bits expected enough that ${agents} values up to ${bound} sum without wrapping, got ${bits}`,
  )
}

/** The largest magnitude of an encoded value. */
export function largestInteger(bound: number, fractionBits: number): number {
  return Math.round(bound * 2 ** fractionBits)
}
