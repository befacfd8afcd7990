import type { Tensor, TensorMap } from '../adapter/tensor.js'
import type { TensorChunk } from '../update/update-file.js'

/** One update to fold. `id` fixes its place in the sum, so give every update another, such as its hash. */
export interface WeightedUpdate {
  readonly id: string
  readonly weight: number // of any scale; shares are weight / sum of weights
  chunks(): AsyncIterable<TensorChunk>
}

/**
 * Federated averaging: base + sum over updates of (weight / total weight) * update.
 * Paper: https://arxiv.org/abs/1602.05629
 *
 * Updates are folded one at a time in ascending order of id with 64-bit accumulators and one cast at the end: the result
 * is the same to the bit whatever the order of arrival, and memory is that of one adapter.
 * Throws RangeError when a weight is not positive, an update does not cover the base exactly, or the result overflows.
 */
export async function fedAvg(base: TensorMap, updates: readonly WeightedUpdate[]): Promise<TensorMap> {
  if (updates.length === 0) throw new RangeError('updates expected at least one, got none')
  const ordered = updates.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.weight - b.weight))
  for (const { id, weight } of ordered) {
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY))
      throw new RangeError(`weight of ${id} expected > 0, got ${weight}`)
  }
  const total = ordered.reduce((sum, update) => sum + update.weight, 0)
  const sums = new Map([...base].map(([name, tensor]) => [name, new Float64Array(tensor.data.length)]))
  for (const update of ordered) await fold(sums, update, update.weight / total)
  return new Map([...base].map(([name, tensor]) => [name, added(name, tensor, sums.get(name)!)]))
}

async function fold(
  sums: ReadonlyMap<string, Float64Array>,
  update: WeightedUpdate,
  share: number,
): Promise<void> {
  const missing = new Map([...sums].map(([name, sum]) => [name, sum.length]))
  for await (const { name, offset, values } of update.chunks()) {
    const sum = sums.get(name)
    if (sum === undefined || offset + values.length > sum.length) {
      throw new RangeError(`update ${update.id} expected the tensors of the base, got ${name} at ${offset}`)
    }
    for (let index = 0; index < values.length; index++) sum[offset + index]! += share * values[index]!
    missing.set(name, missing.get(name)! - values.length)
  }
  for (const [name, count] of missing) {
    if (count !== 0)
      throw new RangeError(`update ${update.id} expected all values of ${name}, ${count} are missing`)
  }
}

function added(name: string, tensor: Tensor, sum: Float64Array): Tensor {
  const data = new Float32Array(sum.length)
  for (let index = 0; index < data.length; index++) {
    data[index] = tensor.data[index]! + sum[index]!
    if (!Number.isFinite(data[index]!))
      throw new RangeError(`${name}[${index}] expected a finite sum, got ${data[index]}`)
  }
  return { shape: tensor.shape, data }
}
