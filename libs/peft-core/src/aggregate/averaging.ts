/**
 * Averaging every tensor, as FedIT does with A and B: the mean of products is not the product of means, so for LoRA this is
 * off by the covariance of the factors, sum of p_k s (B_k - mean B)(A_k - mean A).
 * Papers: https://arxiv.org/abs/1602.05629 (FedAvg), https://arxiv.org/abs/2305.05644 (FedIT)
 * @module
 */
import { combineAverages } from './by-average.js'
import type { Member } from './cohort.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

/** The mean of each tensor: exact for what acts linearly, such as IA3 vectors, prompts, biases and whole modules. */
export const fedavg: Strategy = createStrategy({
  name: 'fedavg',
  exact: false,
  roles: allShared,
  check: async (member, { first }) => expectSameRanks(member, first, 'fedavg'),
  combine: (shares, plan) => combineAverages(shares, plan, [...(shares[0]?.member.shapes.keys() ?? [])]),
})

/** RangeError unless both have factors of the same ranks and scalings in all modules. */
export function expectSameRanks(member: Member, first: Member, strategy: string): void {
  for (const [path, pair] of first.pairs) {
    const own = member.pairs.get(path)
    if (own?.rank !== pair.rank) {
      throw new RangeError(
        `${member.id}: "${path}" expected rank ${pair.rank} as ${first.id}, got ${own?.rank}; ${strategy} takes one rank, svd, flora and hetlora mixed ones`,
      )
    }
    if (own.scaling !== pair.scaling) {
      throw new RangeError(
        `${member.id}: "${path}" expected the scaling ${pair.scaling} of ${first.id}, got ${own.scaling}; ${strategy} takes one scaling, svd and flora mixed ones`,
      )
    }
  }
}
