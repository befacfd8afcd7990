/**
 * FedSVD: B is trained and averaged beside a frozen A, as in FFA-LoRA; then the product is split anew, B A = U S V', into
 * B = U S and A = V', whose rows are orthonormal. The model is the same, so it costs no privacy, and A moves all the same.
 * Paper: https://arxiv.org/abs/2505.12805
 * @module
 */
import { combineModules } from './by-module.js'
import { compressed } from './compress.js'
import { expectPlainLora } from './fitting-factors.js'
import { expectFrozen, rolesWith } from './frozen-factor.js'
import { averaged } from './measure.js'
import { firstFactors } from './module-stack.js'
import { createStrategy, type Strategy } from './strategy.js'

const NAME = 'fedsvd'

/** Averages B and refreshes both factors. RangeError for a contribution whose A differs from the start's. */
export const fedsvd: Strategy = createStrategy({
  name: NAME,
  exact: true,
  roles: (adapter) => rolesWith(adapter, 'first'),
  async check(member, { first }) {
    expectPlainLora(member, NAME)
    await expectFrozen(member, first, { strategy: NAME, trained: 'first' })
  },
  combine: (shares, plan) =>
    combineModules(shares, plan, {
      strategy: NAME,
      notes: [],
      async release(stack, { module, kind }) {
        const { scaling } = await firstFactors(stack)
        const rank = Math.max(...stack.ranks)
        const mean = { ...(await averaged(stack)), share: 1 }
        const sides = Math.min(mean.a.columns, mean.b.columns)
        if (rank > sides)
          throw new RangeError(
            `"${module}" expected a rank of at most ${sides} for orthonormal rows, got ${rank}`,
          )
        const balance = kind === 'embedding' ? 'a' : 'b' // whichever is trained
        const { factors } = compressed([mean], { target: { rank }, balance, scaling })
        return { main: factors }
      },
    }),
})
