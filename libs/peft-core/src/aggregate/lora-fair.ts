/**
 * LoRA-FAIR: the factors are averaged, and B is corrected towards the exact sum as far as the mean A can express it:
 *
 *   B + D with D = (DW / s - B A) A' (A A' + lambda I)^-1, which minimises ||DW / s - (B + D) A||^2 + lambda ||D||^2
 *
 * for the means A and B and DW = sum of p_k s_k B_k A_k. DW is not formed: DW A' needs only A_k A'.
 * Paper: https://arxiv.org/abs/2411.14961 (which descends a cosine instead)
 * @module
 */

import { solveSymmetric } from '../linear-algebra/cholesky.js'
import { addScaled, type Matrix, rowOf, rowsTimesRows, zeroMatrix } from '../linear-algebra/matrix.js'
import { combineModules } from './by-module.js'
import { expectPlainLora, expectSameRanks } from './fitting-factors.js'
import { averaged } from './measure.js'
import type { Factors } from './module-factors.js'
import { firstFactors, type ModuleStack } from './module-stack.js'
import { allShared, createStrategy, type Strategy } from './strategy.js'

const NAME = 'lora-fair'

export interface LoraFairOptions {
  /** What the correction of B costs: 0 gives the least squares, much gives plain averaging. */
  readonly lambda: number
}

export function loraFair({ lambda }: LoraFairOptions): Strategy {
  if (!(lambda >= 0)) throw new RangeError(`lambda expected a number of at least 0, got ${lambda}`)
  return createStrategy({
    name: NAME,
    exact: false,
    roles: allShared,
    async check(member, { first }) {
      expectPlainLora(member, NAME)
      expectSameRanks(member, first, NAME)
    },
    combine: (shares, plan) =>
      combineModules(shares, plan, {
        strategy: NAME,
        notes: [],
        release: async (stack) => ({ main: await corrected(stack, lambda) }),
      }),
  })
}

/** All members have one scaling. */
async function corrected(stack: ModuleStack, lambda: number): Promise<Factors> {
  const { scaling } = await firstFactors(stack)
  const { a, b: scaledB } = await averaged(stack)
  const b = { ...scaledB, data: scaledB.data.map((value) => value / scaling) } // (R, O)
  const gram = rowsTimesRows(a, a) // A A' (R, R)
  const missing = zeroMatrix(b.rows, b.columns) // A (DW / s - B A)', row by row
  for await (const { a: own, b: ownB, share } of stack.each())
    addProduct(missing, rowsTimesRows(a, own), ownB, share)
  addProduct(missing, gram, b, -1)
  const ridge = { ...gram, data: gram.data.slice() }
  for (let at = 0; at < ridge.rows; at++) {
    const place = at * (ridge.rows + 1)
    ridge.data[place] = (ridge.data[place] as number) + lambda
  }
  const correction = solveSymmetric(ridge, missing)
  return { scaling, a, b: { ...b, data: b.data.map((value, at) => value + (correction.data[at] as number)) } }
}

/** sum += factor X Y */
function addProduct(sum: Matrix, x: Matrix, y: Matrix, factor: number): void {
  for (let row = 0; row < x.rows; row++) {
    for (let inner = 0; inner < x.columns; inner++)
      addScaled(rowOf(sum, row), rowOf(y, inner), factor * (x.data[row * x.columns + inner] as number))
  }
}
