/**
 * How far apart agents were over the rounds of a run. In one round of unlike data the noise of training hides who turns his updates
 * around; over some rounds it averages out. That rules without memory cannot hold against lies that go on is shown in
 * https://arxiv.org/abs/2012.10333, which remembers a mean update of each agent; this remembers a number for each two.
 * @module
 */
import { type Matrix, zeroMatrix } from '../linear-algebra/matrix.js'
import { medianOf, squaredDistances, updateNorms } from './distances.js'

/** Sums over the rounds that two agents both took part in, newer ones counting more: of their distances, and of what each round counts. */
export interface DistanceMemory {
  readonly ids: readonly string[] // of the agents, in the order of rows and columns
  readonly sums: Matrix // (K, K)
  readonly counts: Matrix // (K, K)
}

/** What one round adds at most to a sum: no two updates of the usual length are farther apart. */
const MOST = 4

/**
 * The squared distances of updates beside the median squared length, (K, K); of two updates of which one is short, at least
 * 2 - 2 cos, so that who sends next to nothing is not near to everybody. All zeros when no update changes anything.
 */
export function relativeDistances(gram: Matrix): Matrix {
  const size = gram.rows
  const norms = updateNorms(gram)
  const middle = medianOf(norms) || Math.max(...norms)
  if (middle === 0) return zeroMatrix(size, size)
  const result = squaredDistances(gram)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      if (i === j) continue
      const lengths = (norms[i] as number) * (norms[j] as number)
      const cosine = lengths === 0 ? 0 : (gram.data[i * size + j] as number) / lengths
      const whole = (result.data[i * size + j] as number) / middle ** 2
      result.data[i * size + j] = Math.max(whole, 2 - 2 * cosine)
    }
  }
  return result
}

/** The mean of this round's distances and those before, (K, K): of two agents that never met before, this round's. */
export function meanDistances(
  now: Matrix,
  ids: readonly string[], // of the rows of `now`
  before: DistanceMemory | null,
): Matrix {
  const place = placesIn(before)
  const result = zeroMatrix(now.rows, now.rows)
  for (const [i, own] of ids.entries()) {
    for (const [j, other] of ids.entries()) {
      const [sum, count] = pastOf(before, place.get(own), place.get(other))
      const at = i * now.rows + j
      result.data[at] = ((now.data[at] as number) + sum) / (1 + count)
    }
  }
  return result
}

/**
 * What to remember after a round. `halfLifeRounds` is after how many rounds that two agents share a round counts half; who is absent is
 * remembered as before. RangeError when it is no number above 0.
 */
export function remembered(
  now: Matrix,
  ids: readonly string[], // of the rows of `now`
  { before, halfLifeRounds }: { readonly before: DistanceMemory | null; readonly halfLifeRounds: number },
): DistanceMemory {
  if (!(halfLifeRounds > 0) || !Number.isFinite(halfLifeRounds))
    throw new RangeError(`halfLifeRounds expected a number above 0, got ${halfLifeRounds}`)
  const kept = 0.5 ** (1 / halfLifeRounds)
  const all = [...new Set([...(before?.ids ?? []), ...ids])].sort()
  const place = placesIn(before)
  const rows = new Map(ids.map((id, at) => [id, at]))
  const [sums, counts] = [zeroMatrix(all.length, all.length), zeroMatrix(all.length, all.length)]
  for (const [i, own] of all.entries()) {
    for (const [j, other] of all.entries()) {
      if (i === j) continue
      const at = i * all.length + j
      const [sum, count] = pastOf(before, place.get(own), place.get(other))
      const [row, column] = [rows.get(own), rows.get(other)]
      const isShared = row !== undefined && column !== undefined
      const distance = isShared ? (now.data[row * now.rows + column] as number) : 0
      sums.data[at] = isShared ? kept * (sum + Math.min(distance, MOST)) : sum
      counts.data[at] = isShared ? kept * (count + 1) : count
    }
  }
  return { ids: all, sums, counts }
}

const placesIn = (memory: DistanceMemory | null): ReadonlyMap<string, number> =>
  new Map(memory?.ids.map((id, at) => [id, at]))

function pastOf(
  memory: DistanceMemory | null,
  row: number | undefined,
  column: number | undefined,
): readonly [sum: number, count: number] {
  if (memory === null || row === undefined || column === undefined) return [0, 0]
  const at = row * memory.ids.length + column
  return [memory.sums.data[at] as number, memory.counts.data[at] as number]
}
