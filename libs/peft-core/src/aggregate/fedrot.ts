/**
 * FedRot-LoRA: (B R)(R' A) is B A for every rotation R, so each agent first turns its factors towards those that all started
 * from, and averaging loses less. In odd rounds A is aligned, in even rounds B.
 *
 *   R = V diag(1, …, 1, det(U V')) U' for the singular value decomposition U S V' of A_ref A', or of B_ref' B
 *
 * Paper: https://arxiv.org/abs/2602.23638
 * @module
 */
import { combineAverages } from './by-average.js'
import { combineModules } from './by-module.js'
import { expectPlainLora, expectSameRanks } from './fitting-factors.js'
import { averaged } from './measure.js'
import { firstFactors } from './module-stack.js'
import { rotated } from './rotation.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

const NAME = 'fedrot'

export interface FedrotOptions {
  /** How far factors are turned: 0 not at all, 1 as near as a rotation brings them. */
  readonly lambda: number
  /** Whether the factors are turned here. Agents of a federation turn theirs before they send them. */
  readonly turnHere: boolean
}

/** Averages turned factors; towards those of the start, or else of the first contribution. */
export function fedrot({ lambda, turnHere }: FedrotOptions): Strategy {
  if (!(lambda >= 0 && lambda <= 1))
    throw new RangeError(`lambda expected a number from 0 to 1, got ${lambda}`)
  return createStrategy({
    name: NAME,
    exact: false,
    roles: allShared,
    async check(member, { first }) {
      expectPlainLora(member, NAME)
      expectSameRanks(member, first, NAME)
    },
    combine: (shares, plan) =>
      turnHere && lambda > 0
        ? combineModules(shares, plan, {
            strategy: NAME,
            notes: [],
            async release(stack, { start }) {
              const reference = start ?? (await firstFactors(stack))
              const aligned = plan.round % 2 === 1 ? 'a' : 'b'
              const { a, b } = await averaged({
                ranks: stack.ranks,
                async *each() {
                  for await (const own of stack.each()) yield rotated(own, reference, { lambda, aligned })
                },
              })
              const { scaling } = reference
              return { main: { scaling, a, b: { ...b, data: b.data.map((value) => value / scaling) } } }
            },
          })
        : combineAverages(shares, plan),
  })
}
