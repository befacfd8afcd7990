/**
 * Documents to train on, and documents to judge by.
 * @module
 */
import { createHash } from 'node:crypto'

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
  const firsts = new Map<string, number>()
  for (const [index, document] of documents.entries()) if (!firsts.has(document)) firsts.set(document, index)
  const { train, heldOut } = splitMeasured(
    {
      count: documents.length,
      sizeOf: (index) => (documents[index] as string).length,
      firstOf: (index) => firsts.get(documents[index] as string) as number,
    },
    fraction,
  )
  const at = (indices: Uint32Array): readonly string[] =>
    Array.from(indices, (index) => documents[index] as string)
  return { train: at(train), heldOut: at(heldOut) }
}

/** Documents that are known by their places: how large each is, and which is the first that is equal to it. */
export interface Measured {
  readonly count: number
  sizeOf(index: number): number
  firstOf(index: number): number
}

export interface Split {
  readonly train: Uint32Array
  readonly heldOut: Uint32Array
}

/** As `splitHoldout`, for documents that are not in memory; the parts are their places. */
export function splitMeasured({ count, sizeOf, firstOf }: Measured, fraction: number): Split {
  if (!(fraction >= 0 && fraction < 1))
    throw new RangeError(`fraction expected a number in [0, 1), got ${fraction}`)
  const all = Uint32Array.from({ length: count }, (_, index) => index)
  if (fraction === 0) return { train: all, heldOut: new Uint32Array() }
  const different = all.filter((index) => firstOf(index) === index)
  if (different.length < 2) {
    throw new RangeError(
      'holding out expected two different documents or more, got one; separate them by blank lines',
    )
  }
  const isMinority = fraction <= 0.5
  const isChosen = new Uint8Array(count)
  for (const index of evenChoice(different, sizeOf, isMinority ? fraction : 1 - fraction)) isChosen[index] = 1
  const isHeldOut = (index: number): boolean => (isChosen[index] === 1) === isMinority
  return { train: all.filter((index) => !isHeldOut(firstOf(index))), heldOut: different.filter(isHeldOut) }
}

/**
 * Whether a document is held out when each one is by its own bytes alone, a share of about `fraction` of them: one document more or
 * less moves no other one from one part to the other, as per-example privacy needs it. Copies go together.
 */
export function isHeldOutByHash(document: Uint8Array, fraction: number): boolean {
  return createHash('sha256').update(document).digest().readUInt32LE(0) < fraction * 2 ** 32
}

function evenChoice(
  documents: Uint32Array,
  sizeOf: (index: number) => number,
  fraction: number,
): readonly number[] {
  const runs = Math.max(1, Math.round(documents.length * fraction))
  let due = 0 // of the size that should have been chosen by now, less that which was
  return Array.from({ length: runs }, (_, index) => {
    const first = Math.floor((index * documents.length) / runs)
    const run = documents.subarray(first, Math.floor(((index + 1) * documents.length) / runs))
    const share = fraction * run.reduce((sum, document) => sum + sizeOf(document), 0)
    due += share
    const middle = run[Math.floor(run.length / 2)] as number
    const missBy = (document: number): number => Math.abs(due - sizeOf(document))
    const nearest = run.reduce(
      (best, document) => (missBy(document) < missBy(best) ? document : best),
      middle,
    )
    const choice = missBy(middle) <= share ? middle : nearest
    due -= sizeOf(choice)
    return choice
  })
}
