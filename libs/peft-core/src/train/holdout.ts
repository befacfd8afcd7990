/**
 * Documents to train on, and documents to judge by.
 * @module
 */

export interface Holdout {
  readonly train: readonly string[]
  readonly heldOut: readonly string[]
}

/**
 * Holds out about `fraction` of the characters, evenly over the order of the documents: one document of each run of
 * neighbours, the middle one unless another keeps the share nearer to the fraction. The same documents give the same
 * split. Copies of a held-out document are in neither part. RangeError when the fraction is not in [0, 1), or there are
 * fewer than two different documents.
 */
export function splitHoldout(documents: readonly string[], fraction: number): Holdout {
  if (!(fraction >= 0 && fraction < 1))
    throw new RangeError(`fraction expected a number in [0, 1), got ${fraction}`)
  if (fraction === 0) return { train: documents, heldOut: [] }
  const different = [...new Set(documents)]
  if (different.length < 2) {
    throw new RangeError(
      'holding out expected two different documents or more, got one; separate them by blank lines',
    )
  }
  const isMinority = fraction <= 0.5
  const chosen = new Set(evenChoice(different, isMinority ? fraction : 1 - fraction))
  return {
    train: documents.filter((document) => chosen.has(document) !== isMinority),
    heldOut: different.filter((document) => chosen.has(document) === isMinority),
  }
}

function evenChoice(documents: readonly string[], fraction: number): readonly string[] {
  const runs = Math.max(1, Math.round(documents.length * fraction))
  let due = 0 // characters that should have been chosen by now, less those that were
  return Array.from({ length: runs }, (_, index) => {
    const first = Math.floor((index * documents.length) / runs)
    const run = documents.slice(first, Math.floor(((index + 1) * documents.length) / runs))
    const share = fraction * run.reduce((sum, { length }) => sum + length, 0)
    due += share
    const middle = run[Math.floor(run.length / 2)] as string
    const missBy = ({ length }: string): number => Math.abs(due - length)
    const nearest = run.reduce(
      (best, document) => (missBy(document) < missBy(best) ? document : best),
      middle,
    )
    const choice = missBy(middle) <= share ? middle : nearest
    due -= choice.length
    return choice
  })
}
