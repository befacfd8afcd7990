/**
 * One vector for a text: the mean of what the model makes of its tokens, scaled to length 1.
 * Paper: https://arxiv.org/abs/1908.10084 (mean pooling)
 * @module
 */

/** The mean of the first `count` of states (N, D), of length 1; zeros stay zeros. */
export function meanState(states: Float32Array, width: number, count: number): Float32Array {
  const sums = new Float64Array(width)
  for (let at = 0; at < count * width; at++) {
    const column = at % width
    sums[column] = (sums[column] as number) + (states[at] as number)
  }
  const length = Math.hypot(...sums) || 1
  return Float32Array.from(sums, (sum) => sum / length)
}
