/**
 * SCAFFOLD: corrects each agent's steps for the direction in which its data pull. Paper: https://arxiv.org/abs/1910.06378 (option II)
 *
 *   step                    y <- y - lr (g - c_k + c), from y = x
 *   then, of the agent      c_k+ = c_k - c + (x - y) / (sum of the learning rates of its steps)
 *   of the coordinator      c+ = c + 1/N sum over the agents that took part of (c_k+ - c_k), of N in the fleet
 *
 * c_k stays on the agent, c goes with the adapter and c_k+ - c_k comes back, so traffic doubles. (x - y) / rate is the mean of the
 * gradients only under plain SGD without weight decay, which the trainer insists on.
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

/** c_k+, to be kept, and c_k+ - c_k, to be sent. RangeError when no step was made. */
export function nextControl({ start, end, server, own, rateSum }: ScaffoldRound): {
  readonly own: TensorMap
  readonly change: TensorMap
} {
  if (!(rateSum > 0)) throw new RangeError(`rateSum expected a number above 0, got ${rateSum}`)
  const mean = [
    [1 / rateSum, start],
    [-1 / rateSum, end],
    [-1, server],
  ] as const
  const change = combined(server, mean)
  return { change, own: own === undefined ? change : combined(server, [...mean, [1, own]]) }
}

/**
 * c+ from the changes of the agents that took part in a round, of `agents` in the fleet. The terms are added in the order given: give
 * them in ascending order of the agents' ids. RangeError when more took part than there are.
 */
export function nextServerControl(
  server: TensorMap,
  changes: readonly TensorMap[],
  agents: number,
): TensorMap {
  if (!Number.isSafeInteger(agents) || agents < Math.max(1, changes.length))
    throw new RangeError(`agents expected a whole number of at least ${changes.length}, got ${agents}`)
  return combined(server, [[1, server], ...changes.map((change) => [1 / agents, change] as const)])
}

/** Zeros of the shapes of an adapter: c before the first round. */
export function zeroControl(tensors: TensorMap): TensorMap {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  )
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
