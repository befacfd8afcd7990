/**
 * FLoRA: adapters side by side, which adds their changes exactly, whatever their ranks.
 *
 *   A = [p_1 s_1 A_1; p_2 s_2 A_2; …], B = [B_1, B_2, …], scaling 1: B A = sum of p_k s_k B_k A_k
 *
 * Paper: https://arxiv.org/abs/2409.05976. The same as PEFT's add_weighted_adapter(combination_type="cat").
 * @module
 */
import { combineModules } from './by-module.js'
import { expectPlainLora } from './fitting-factors.js'
import { stacked } from './module-factors.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

export interface FloraOptions {
  /** The rank grows with each contribution: this is the most that a module may get. */
  readonly maxRank: number
}

/** Stacking. RangeError when the ranks of all contributions together are larger than the largest that is allowed. */
export function flora({ maxRank }: FloraOptions): Strategy {
  return createStrategy({
    name: 'flora',
    exact: true,
    roles: allShared,
    check: async (member) => expectPlainLora(member, 'flora'),
    combine: (shares, plan) =>
      combineModules(shares, plan, {
        strategy: 'flora',
        notes: [],
        async release({ ranks, all }, { module }) {
          const rank = ranks.reduce((sum, own) => sum + own, 0)
          if (rank > maxRank) {
            throw new RangeError(
              `"${module}" expected a stacked rank of at most ${maxRank}, got ${rank} of ${ranks.length} contributions; ` +
                'raise the largest rank, or choose svd, which keeps the rank',
            )
          }
          const members = await all()
          const a = stacked(members.map((own) => ({ matrix: own.a, factor: own.share * own.scaling })))
          const b = stacked(members.map((own) => ({ matrix: own.b, factor: 1 })))
          return { main: { scaling: 1, a, b } }
        },
      }),
  })
}
