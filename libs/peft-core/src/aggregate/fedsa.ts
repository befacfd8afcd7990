/**
 * FedSA-LoRA: A is shared and averaged, B stays with the agent that trained it, and so do whole modules such as a head: what
 * all have in common is learned together, what sets one apart stays. There is no single global model: a release holds the
 * common A, and for a newcomer the B of the start, or else the mean of B.
 * Paper: https://arxiv.org/abs/2410.01463
 * @module
 */

import { combineAverages } from './by-average.js'
import { loraConfigOf, type Member, pairedShapes } from './cohort.js'
import { expectSameRanks } from './fitting-factors.js'
import { createStrategy, type Strategy, type TensorRole } from './strategy.js'

const NAME = 'fedsa'

export const fedsa: Strategy = createStrategy({
  name: NAME,
  exact: true,
  keepsLocal: true,
  roles: (adapter) => rolesOf(pairedShapes(adapter)),
  async check(member, { first }) {
    loraConfigOf(member, NAME)
    expectSameRanks(member, first, NAME)
  },
  async combine(shares, plan) {
    const [first] = shares
    const roles = first === undefined ? new Map<string, TensorRole>() : rolesOf(first.member)
    const local = new Set([...roles].filter(([, role]) => role === 'local').map(([name]) => name))
    const kept = plan.start === null ? new Set<string>() : local
    const combined = await combineAverages(shares, { ...plan, measured: false }, kept)
    const whose = plan.start === null ? 'the mean of them' : 'those of the start'
    return {
      ...combined,
      notes: [`B and whole modules stay with each agent; the release has ${whose}, for newcomers`],
    }
  },
})

function rolesOf({ pairs, shapes }: Pick<Member, 'pairs' | 'shapes'>): ReadonlyMap<string, TensorRole> {
  const shared = new Set([...pairs.values()].map(({ keyA }) => keyA))
  return new Map([...shapes.keys()].map((name) => [name, shared.has(name) ? 'shared' : 'local']))
}
