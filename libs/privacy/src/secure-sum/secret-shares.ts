/**
 * Shamir's secret sharing over GF(2^8), byte by byte: https://dl.acm.org/doi/10.1145/359168.359176
 * The polynomials are drawn by the library, from the operating system's generator.
 *
 * @module
 */
import { combine, split } from 'shamir-secret-sharing'

/** Bytes of a share of a secret of 32 bytes: a point per byte, then where on the polynomial it lies. */
export const SHARE_BYTES = 33

/** The most shares of one secret: GF(2^8) has 255 places to lie at. */
export const MAX_SHARES = 255

/**
 * Shares of a secret of 32 bytes, of which any `threshold` give it back and fewer say nothing about it.
 * Throws RangeError unless 2 <= threshold <= count <= 255.
 */
export async function splitSecret(
  secret: Uint8Array,
  count: number,
  threshold: number,
): Promise<readonly Uint8Array[]> {
  if (secret.length !== 32) throw new RangeError(`secret expected 32 bytes, got ${secret.length}`)
  if (!Number.isInteger(count) || count > MAX_SHARES)
    throw new RangeError(`count expected at most ${MAX_SHARES} shares, got ${count}`)
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > count)
    throw new RangeError(`threshold expected a whole number from 2 to ${count}, got ${threshold}`)
  return split(Uint8Array.from(secret), count, threshold)
}

/**
 * The secret of exactly `threshold` or more of its shares. Shares that are not of one secret give noise, not an error:
 * compare the result with a commitment. Throws RangeError for too few shares, one of another size, and one given twice.
 */
export async function combineShares(shares: readonly Uint8Array[], threshold: number): Promise<Uint8Array> {
  if (threshold < 2 || shares.length < threshold)
    throw new RangeError(`shares expected at least ${threshold}, got ${shares.length}`)
  const used = shares.slice(0, threshold)
  const places = new Set(used.map((share) => share[SHARE_BYTES - 1]))
  for (const share of used)
    if (share.length !== SHARE_BYTES || share[SHARE_BYTES - 1] === 0)
      throw new RangeError(
        `share expected ${SHARE_BYTES} bytes that end in a place from 1, got ${share.length}`,
      )
  if (places.size < used.length) throw new RangeError('shares expected different places, got one twice')
  return combine(used.map((share) => Uint8Array.from(share)))
}
