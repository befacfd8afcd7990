/**
 * FedEx-LoRA: the factors are averaged, and what averaging misses goes into a second adapter beside the first, so that the sum
 * of both is exact and the base is never touched. With K contributions of rank r, (K - 1) r columns hold it:
 *
 *   sum of p_k s B_k A_k - s B A = sum over k < K of [p_k (B_k - B)] [s (A_k - A_K)], for the means A and B
 *
 * Paper: https://arxiv.org/abs/2410.09432
 * @module
 */

import type { Matrix } from '../linear-algebra/matrix.js'
import { combineModules, type ReleasedFactors } from './by-module.js'
import { compressed, type Target } from './compress.js'
import { expectPlainLora, expectSameRanks } from './fitting-factors.js'
import { averaged } from './measure.js'
import { type SharedFactors, stacked } from './module-factors.js'
import type { ModuleStack } from './module-stack.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

const NAME = 'fedex'

export interface FedexOptions {
  /** What to keep of the second adapter; absent: all of it, which is exact. */
  readonly target?: Target
  /** The second adapter grows with each contribution: this is the largest rank that it may get. */
  readonly maxRank: number
}

/** Averages, with a side adapter. RangeError when the rank of the side adapter is larger than the largest that is allowed. */
export function fedex({ target, maxRank }: FedexOptions): Strategy {
  return createStrategy({
    name: NAME,
    exact: target === undefined,
    roles: allShared,
    async check(member, { first }) {
      expectPlainLora(member, NAME)
      expectSameRanks(member, first, NAME)
    },
    combine: (shares, plan) =>
      combineModules(shares, plan, {
        strategy: NAME,
        notes: [],
        release: (stack, { module }) => withResidual(stack, module, { maxRank, ...(target && { target }) }),
      }),
  })
}

async function withResidual(
  stack: ModuleStack,
  module: string,
  { target, maxRank }: FedexOptions,
): Promise<ReleasedFactors> {
  const rank = stack.ranks.slice(1).reduce((sum, own) => sum + own, 0)
  if (target === undefined && rank > maxRank) {
    throw new RangeError(
      `"${module}" expected a side adapter of rank ${maxRank} at most, got ${rank} of ${stack.ranks.length} contributions; ` +
        'raise the largest rank, or give a rank or an energy to keep',
    )
  }
  const members = await stack.all()
  const scaling = members[0]?.scaling ?? 1
  const mean = await averaged(stack)
  const main = { scaling, a: mean.a, b: times(mean.b, 1 / scaling) }
  const last = members.at(-1)
  if (last === undefined || members.length === 1) return { main }
  const terms = members.slice(0, -1).map(
    ({ a, b, share }): SharedFactors => ({
      scaling,
      share,
      a: difference(a, last.a),
      b: difference(b, main.b),
    }),
  )
  if (target !== undefined) {
    const { factors, energy, dropped } = compressed(terms, { target, balance: 'even', scaling: 1 })
    return { main, side: factors, dropped: { energy: dropped, of: energy } }
  }
  const side = {
    scaling: 1,
    a: stacked(terms.map(({ a }) => ({ matrix: a, factor: scaling }))),
    b: stacked(terms.map(({ b, share }) => ({ matrix: b, factor: share }))),
  }
  return { main, side }
}

function difference(x: Matrix, y: Matrix): Matrix {
  return { ...x, data: x.data.map((value, at) => value - (y.data[at] as number)) }
}

function times(x: Matrix, factor: number): Matrix {
  return { ...x, data: x.data.map((value) => value * factor) }
}
