/**
 * Averaging every tensor, as FedIT does with A and B: the mean of products is not the product of means, so for LoRA this is
 * off by the covariance of the factors, sum of p_k s (B_k - mean B)(A_k - mean A).
 * Papers: https://arxiv.org/abs/1602.05629 (FedAvg), https://arxiv.org/abs/2305.05644 (FedIT)
 * @module
 */
import { combineAverages } from './by-average.js'
import { expectSameRanks } from './fitting-factors.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

/** The mean of each tensor: exact for what acts linearly, such as IA3 vectors, prompts, biases and whole modules. */
export const fedavg: Strategy = createStrategy({
  name: 'fedavg',
  exact: false,
  keepsLocal: true,
  roles: allShared,
  check: async (member, { first }) => expectSameRanks(member, first, 'fedavg'),
  combine: (shares, plan) => combineAverages(shares, plan),
})
