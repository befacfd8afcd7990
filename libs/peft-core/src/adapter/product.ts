import type { FactorPair } from './factors.js'
import type { Tensor, TensorMap } from './tensor.js'

/**
 * What a pair of factors adds to its module's weight: scaling * B A, (outputs, inputs). Each entry is summed in float64 and
 * rounded once. RangeError when a factor is missing.
 */
export function factorProduct(pair: FactorPair, tensors: TensorMap): Tensor {
  const { inFeatures, outFeatures, rank, scaling } = pair
  const a = dataOf(tensors, pair.keyA) // (R, I)
  const b = dataOf(tensors, pair.keyB) // (O, R)
  const data = new Float32Array(outFeatures * inFeatures)
  const row = new Float64Array(inFeatures)
  for (let output = 0; output < outFeatures; output++) {
    row.fill(0)
    for (let k = 0; k < rank; k++) {
      const factor = scaling * (b[output * rank + k] as number)
      const start = k * inFeatures
      for (let input = 0; input < inFeatures; input++)
        row[input] = (row[input] as number) + factor * (a[start + input] as number)
    }
    data.set(row, output * inFeatures)
  }
  return { shape: [outFeatures, inFeatures], data }
}

/**
 * What the factors of stacked matrices, A (experts rank, inputs) expert by expert and B (outputs, rank experts) rank by rank,
 * add to one of them: (outputs, inputs). RangeError when a factor is missing.
 */
export function expertProduct(pair: FactorPair, tensors: TensorMap, expert: number): Tensor {
  const { inFeatures, outFeatures, rank, experts = 1, keyA, keyB } = pair
  const start = expert * rank * inFeatures
  const a = dataOf(tensors, keyA).subarray(start, start + rank * inFeatures)
  const stacked = dataOf(tensors, keyB)
  const b = Float32Array.from(
    { length: outFeatures * rank },
    (_, at) => stacked[at * experts + expert] as number,
  )
  const factors = new Map([
    [keyA, { shape: [rank, inFeatures], data: a }],
    [keyB, { shape: [outFeatures, rank], data: b }],
  ])
  return factorProduct(pair, factors)
}

function dataOf(tensors: TensorMap, key: string): Float32Array {
  const tensor = tensors.get(key)
  if (tensor === undefined) throw new RangeError(`expected a tensor "${key}"`)
  return tensor.data
}
