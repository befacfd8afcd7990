/**
 * HetLoRA: factors of different ranks are filled up with zeros and averaged, with shares by the norms of the changes. As inexact
 * as averaging, and diluted where only some agents have a rank. Paper: https://arxiv.org/abs/2401.06432
 * @module
 */
import { combineModules } from './by-module.js'
import { expectPlainLora } from './fitting-factors.js'
import { averaged } from './measure.js'
import { innerProduct } from './module-factors.js'
import { firstFactors, type ModuleStack } from './module-stack.js'
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
      async release(stack, { start }) {
        const scaling = start?.scaling ?? (await firstFactors(stack)).scaling
        const { a, b } = await averaged(await byNorm(stack))
        return { main: { scaling, a, b: { ...b, data: b.data.map((value) => value / scaling) } } }
      },
    }),
})

/** The stack with shares in proportion to the norms of the changes; equal ones when nothing changed. */
async function byNorm({ ranks, each }: ModuleStack): Promise<Pick<ModuleStack, 'ranks' | 'each'>> {
  const norms: number[] = []
  for await (const member of each()) norms.push(Math.sqrt(Math.max(0, innerProduct(member, member))))
  const total = norms.reduce((sum, norm) => sum + norm, 0)
  return {
    ranks,
    async *each() {
      let at = 0
      for await (const member of each())
        yield { ...member, share: total > 0 ? (norms[at++] as number) / total : 1 / norms.length }
    },
  }
}
