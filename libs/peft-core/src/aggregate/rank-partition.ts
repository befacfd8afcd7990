import type { Matrix } from '../linear-algebra/matrix.js'
import type { SharedFactors } from './module-factors.js'

/**
 * The factors cut at each rank that occurs, each range of ranks with shares among those contributions that have it, which add
 * up to 1 again: small ranks do not dilute what only larger ones hold.
 * Paper: https://arxiv.org/abs/2602.13486
 */
export function partitioned(members: readonly SharedFactors[]): readonly SharedFactors[] {
  const ends = [...new Set(members.map(({ a }) => a.rows))].sort((x, y) => x - y)
  return ends.flatMap((end, at) => {
    const start = ends[at - 1] ?? 0
    const reaching = members.filter(({ a }) => a.rows >= end)
    const total = reaching.reduce((sum, { share }) => sum + share, 0)
    return reaching.map((member) => ({
      scaling: member.scaling,
      share: member.share / total,
      a: rowsOf(member.a, start, end),
      b: rowsOf(member.b, start, end),
    }))
  })
}

function rowsOf({ columns, data }: Matrix, start: number, end: number): Matrix {
  return { rows: end - start, columns, data: data.subarray(start * columns, end * columns) }
}
