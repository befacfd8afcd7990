/**
 * The sum of all changes of one weight as the matrix that it is, for stacks of factors that are larger than the weight.
 *
 * Sizes used below: O = outputs, I = inputs.
 * @module
 */
import { addScaled, dot, type Matrix, rowOf, zeroMatrix } from '../linear-algebra/matrix.js'
import type { Factors } from './module-factors.js'
import type { ModuleStack } from './module-stack.js'

/** sum of share * scaling * B A, (O, I). Takes the memory of the weight in float64. */
export async function denseSum({ each }: Pick<ModuleStack, 'each'>): Promise<Matrix> {
  let sum: Matrix | undefined
  for await (const member of each()) {
    sum ??= zeroMatrix(member.b.columns, member.a.columns)
    addChange(sum, member, member.share)
  }
  if (sum === undefined) throw new RangeError('a stack expected one contribution or more, got none')
  return sum
}

/** sum += factor * scaling * B A, in place. */
export function addChange(sum: Matrix, { scaling, a, b }: Factors, factor: number): void {
  for (let output = 0; output < sum.rows; output++) {
    const row = rowOf(sum, output)
    for (let k = 0; k < a.rows; k++)
      addScaled(row, rowOf(a, k), factor * scaling * (b.data[k * b.columns + output] as number))
  }
}

/** <D, scaling * B A> = scaling * tr(B' D A') */
export function innerWith(dense: Matrix, { scaling, a, b }: Factors): number {
  let sum = 0
  for (let output = 0; output < dense.rows; output++) {
    const row = rowOf(dense, output)
    for (let k = 0; k < a.rows; k++) sum += (b.data[k * b.columns + output] as number) * dot(row, rowOf(a, k))
  }
  return scaling * sum
}
