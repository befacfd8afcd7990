/**
 * FFA-LoRA: A is drawn once, the same everywhere, and frozen; B is trained and averaged, which is exact, and linear in noise.
 * Of an embedding, whose A starts as zero, B is the frozen one. Paper: https://arxiv.org/abs/2403.12313
 * @module
 */
import { combineAverages } from './by-average.js'
import { loraConfigOf } from './cohort.js'
import { expectFrozen, frozenKeys, rolesWith } from './frozen-factor.js'
import { createStrategy, type Strategy } from './strategy.js'

const NAME = 'ffa'

/** Averages B. RangeError for a contribution whose A differs from the start's in any value. */
export const ffa: Strategy = createStrategy({
  name: NAME,
  exact: true,
  keepsLocal: true,
  roles: (adapter) => rolesWith(adapter, 'first'),
  async check(member, { first }) {
    loraConfigOf(member, NAME)
    await expectFrozen(member, first, { strategy: NAME, trained: 'first' })
  },
  combine: (shares, plan) =>
    combineAverages(shares, plan, shares[0] && frozenKeys(shares[0].member, 'first')),
})
