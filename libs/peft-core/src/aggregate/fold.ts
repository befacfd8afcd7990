/** How many terms one pass adds. */
export const MOST_TERMS = 4

/**
 * sum += shares[0] terms[0] + shares[1] terms[1] + …, each term added in turn in float64, so that the result is the same
 * however the terms are grouped. RangeError when there are more than MOST_TERMS.
 */
export function addWeighted(
  sum: Float64Array,
  terms: readonly Float32Array[],
  shares: readonly number[],
): void {
  if (shares.length < 1 || shares.length > MOST_TERMS)
    throw new RangeError(`shares expected 1 to ${MOST_TERMS}, got ${shares.length}`)
  if (shares.length === MOST_TERMS) addFour(sum, terms as Four<Float32Array>, shares as Four<number>)
  else for (const [at, share] of shares.entries()) addOne(sum, terms[at] as Float32Array, share)
}

function addOne(sum: Float64Array, term: Float32Array, share: number): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + share * (term[at] as number)
}

type Four<T> = readonly [T, T, T, T]

function addFour(sum: Float64Array, [a, b, c, d]: Four<Float32Array>, [p, q, r, s]: Four<number>): void {
  for (let at = 0; at < sum.length; at++) {
    const two = (sum[at] as number) + p * (a[at] as number) + q * (b[at] as number)
    sum[at] = two + r * (c[at] as number) + s * (d[at] as number)
  }
}
