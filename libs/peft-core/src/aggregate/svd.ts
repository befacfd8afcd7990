/**
 * The exact sum of all changes, compressed again: the nearest matrix of a lower rank, for contributions of any ranks.
 * FlexLoRA is the case of a given rank, FLoRIST that of a given energy.
 *
 * With all factors side by side, B = Q_B R_B and A' = Q_A R_A, the sum is Q_B (R_B R_A') Q_A': the singular value decomposition
 * of the small core gives that of the sum, which is formed only where it is smaller than the factors together.
 * O((inputs + outputs) R^2 + R^3), R = all ranks together.
 *
 * Papers: https://arxiv.org/abs/2402.11505 (FlexLoRA), https://arxiv.org/abs/2506.09199 (FLoRIST),
 * https://arxiv.org/abs/2602.13486 (rank partitions)
 * @module
 */
import { combineModules } from './by-module.js'
import { compressed, compressedDense, type Target } from './compress.js'
import { denseSum } from './dense-sum.js'
import { expectPlainLora } from './fitting-factors.js'
import { firstFactors } from './module-stack.js'
import { partitioned } from './rank-partition.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

export interface SvdOptions {
  /** What to keep: a rank, a share of the energy, or, when absent, the largest rank of the contributions. */
  readonly target?: Target
  /** Where the singular values go: to B, so that the rows of A are orthonormal, or their roots to both. */
  readonly balance: 'b' | 'even'
  /** Sums each range of ranks over the contributions that reach it only, so that small ranks do not dilute it. */
  readonly partition: boolean
}

export function svd({ target, balance, partition }: SvdOptions): Strategy {
  return createStrategy({
    name: 'svd',
    exact: false,
    roles: allShared,
    check: async (member) => expectPlainLora(member, 'svd'),
    combine: (shares, plan) => {
      const largest = Math.max(
        ...shares.flatMap(({ member }) => [...member.pairs.values()].map(({ rank }) => rank)),
      )
      const notes = partition
        ? ['ranks are summed over the contributions that reach them, which is another mean']
        : []
      return combineModules(shares, plan, {
        strategy: 'svd',
        notes,
        async release(stack, { start }) {
          const scaling = start?.scaling ?? (await firstFactors(stack)).scaling
          const compression = { target: target ?? { rank: largest }, balance, scaling }
          const { factors, energy, dropped } =
            stack.isLarge && !partition
              ? compressedDense(await denseSum(stack), compression)
              : compressed(partition ? partitioned(await stack.all()) : await stack.all(), compression)
          return { main: factors, dropped: { energy: dropped, of: energy } }
        },
      })
    },
  })
}
