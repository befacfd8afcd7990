/**
 * SCAFFOLD: corrects each agent's steps for the direction in which its data pull. Paper: https://arxiv.org/abs/1910.06378 (option II)
 *
 *   step                    y <- y - lr (g - c_k + c), from y = x
 *   then, of the agent      c_k+ = c_k - c + (x - y) / (sum of the learning rates of its steps)
 *   of the coordinator      c+ = c + 1/N sum over the agents that took part of (c_k+ - c_k), of N in the fleet
 *
 * c_k stays on the agent and c goes with the adapter; what the coordinator needs of c_k+ - c_k follows from the update. (x - y) / rate is
 * the mean of the gradients only under plain SGD without weight decay, which the trainer insists on.
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'

/** What is added to the gradients of each step: c - c_k. An agent that has no c_k yet has zeros. */
export function scaffoldCorrection(server: TensorMap, own: TensorMap | undefined): TensorMap {
  return combined(server, [[1, server], ...(own === undefined ? [] : [[-1, own] as const])])
}

export interface ScaffoldRound {
  readonly start: TensorMap // x
  readonly end: TensorMap // y
  readonly server: TensorMap // c
  readonly own: TensorMap | undefined // c_k; undefined: zeros
  readonly rateSum: number // of the learning rates of the steps: TrainResult.rateSum
}

/** c_k+, to be kept, and c_k+ - c_k, what it moved by. RangeError when no step was made. */
export function nextControl({ start, end, server, own, rateSum }: ScaffoldRound): {
  readonly own: TensorMap
  readonly change: TensorMap
} {
  expectSteps(rateSum)
  const mean = [
    [1 / rateSum, start],
    [-1 / rateSum, end],
    [-1, server],
  ] as const
  const change = combined(server, mean)
  return { change, own: own === undefined ? change : combined(server, [...mean, [1, own]]) }
}

/** What a round tells of the controls of those that took part. */
export interface ControlRound {
  readonly mean: TensorMap // of their changes y - x, all counting alike
  readonly took: number // how many they are
  readonly rateSum: number // of the learning rates of the steps of each
  /** Agents with a control: before the round, and after it. The fleet of the paper: the same number before and after. */
  readonly agents: { readonly before: number; readonly after: number }
}

/**
 * c+, the mean of all controls, when c was the mean of `agents.before` of them. c_k+ - c_k = -c + (x - y_k) / rateSum, so it follows from
 * the updates, and agents need not send their controls:
 *
 *   c+ = ((before - took) c - took / rateSum mean of (y_k - x)) / after
 *
 * RangeError when more took part than there are, or no step was made.
 */
export function nextServerControl(
  server: TensorMap,
  { mean, took, rateSum, agents: { before, after } }: ControlRound,
): TensorMap {
  if (![before, after, took].every(Number.isSafeInteger) || before < 0 || after < Math.max(1, before, took))
    throw new RangeError(
      `agents expected at least ${Math.max(1, before, took)} after the round, got ${after}`,
    )
  expectSteps(rateSum)
  return combined(mean, [
    [(before - took) / after, server],
    [-took / (after * rateSum), mean],
  ])
}

/** Zeros of the shapes of an adapter: c before the first round. */
export function zeroControl(tensors: TensorMap): TensorMap {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  )
}

function expectSteps(rateSum: number): void {
  if (!(rateSum > 0)) throw new RangeError(`rateSum expected a number above 0, got ${rateSum}`)
}

type Terms = readonly (readonly [factor: number, tensors: TensorMap])[]

/** The sum of factor * tensors, in float64 and rounded once, for the names of `shapes`. */
function combined(shapes: TensorMap, terms: Terms): TensorMap {
  return new Map([...shapes].map(([name, tensor]) => [name, sumOf(name, tensor, terms)]))
}

function sumOf(name: string, { shape, data }: Tensor, terms: Terms): Tensor {
  const sum = new Float64Array(data.length)
  for (const [factor, tensors] of terms) {
    const values = tensors.get(name)?.data
    if (values?.length !== sum.length)
      throw new RangeError(`"${name}" expected ${sum.length} values, got ${values?.length ?? 'none'}`)
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + factor * (values[at] as number)
  }
  return { shape, data: Float32Array.from(sum) }
}
