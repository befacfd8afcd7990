/**
 * How much a text repeats itself.
 * @module
 */

/**
 * The share of the runs of `length` tokens that a text had before: 1 - different / all, seq-rep-n of Welleck et al. 2019,
 * https://arxiv.org/abs/1908.04319. 0 of a text that is shorter.
 */
export function repetitionRate(ids: readonly number[], length = 4): number {
  const all = ids.length - length + 1
  if (all < 1) return 0
  const different = new Set(Array.from({ length: all }, (_, at) => ids.slice(at, at + length).join(' ')))
  return 1 - different.size / all
}
