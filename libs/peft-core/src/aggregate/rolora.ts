/**
 * RoLoRA: in odd rounds A is frozen and B is trained and averaged, in even rounds the other way round, so that each round is
 * exact and both factors learn. B comes first, because A has no gradient while B is zero; of an embedding, A.
 * Paper: https://arxiv.org/abs/2502.01755
 * @module
 */
import { combineAverages } from './by-average.js'
import { loraConfigOf } from './cohort.js'
import { expectFrozen, frozenKeys, rolesWith, type TrainedFactor } from './frozen-factor.js'
import { createStrategy, type Strategy } from './strategy.js'

const NAME = 'rolora'

/** Which factor a round trains; rounds count from 1. */
export function trainedIn(round: number): TrainedFactor {
  return round % 2 === 1 ? 'first' : 'second'
}

/** Averages the factor of the round. RangeError for a contribution whose frozen factor is another, as of an earlier round. */
export const rolora: Strategy = createStrategy({
  name: NAME,
  exact: true,
  keepsLocal: true,
  roles: (adapter, round) => rolesWith(adapter, trainedIn(round)),
  async check(member, { plan, first }) {
    loraConfigOf(member, NAME)
    await expectFrozen(member, first, { strategy: NAME, trained: trainedIn(plan.round) })
  },
  combine: (shares, plan) =>
    combineAverages(shares, plan, shares[0] && frozenKeys(shares[0].member, trainedIn(plan.round))),
})
