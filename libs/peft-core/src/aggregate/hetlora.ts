/**
 * HetLoRA: factors of different ranks are filled up with zeros and averaged, with shares by the norms of the changes. As inexact
 * as averaging, and diluted where only some agents have a rank. Paper: https://arxiv.org/abs/2401.06432
 * @module
 */
import { combineModules } from './by-module.js'
import { expectPlainLora } from './fitting-factors.js'
import { averaged, innerProducts } from './measure.js'
import type { SharedFactors } from './module-factors.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

const NAME = 'hetlora'

/** Averages with zeros. The shares are ||DW_k|| / sum of ||DW_j|| of each module, whatever the weights of the contributions. */
export const hetlora: Strategy = createStrategy({
  name: NAME,
  exact: false,
  roles: allShared,
  check: async (member) => expectPlainLora(member, NAME),
  combine: (shares, plan) =>
    combineModules(shares, plan, {
      strategy: NAME,
      notes: [
        'factors are averaged by the norms of their products; the exact mean beside it is by the weights',
      ],
      release(members, { start }) {
        const scaling = start?.scaling ?? members[0]?.scaling ?? 1
        const { a, b } = averaged(byNorm(members))
        return { main: { scaling, a, b: { ...b, data: b.data.map((value) => value / scaling) } } }
      },
    }),
})

/** The members with shares in proportion to the norms of their changes; equal ones when nothing changed. */
export function byNorm(members: readonly SharedFactors[]): readonly SharedFactors[] {
  const norms = members.map((member) => Math.sqrt(Math.max(0, innerProducts([member]).data[0] as number)))
  const total = norms.reduce((sum, norm) => sum + norm, 0)
  return members.map((member, at) => ({
    ...member,
    share: total > 0 ? (norms[at] as number) / total : 1 / members.length,
  }))
}
