/**
 * What an adapter makes of the weights of a layer, by method.
 * @module
 */
import { type FactorPair, factorPairs } from '../adapter/factors.js'
import { isFeedforward } from '../adapter/ia3-config.js'
import { vectorKey, vectorPaths } from '../adapter/ia3-vectors.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import { factorProduct } from '../adapter/product.js'
import { startFactors } from '../adapter/start-factors.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { matrixOf } from '../linear-algebra/matrix.js'

export interface MergedLayer {
  readonly path: string
  /** The weight (outputs, inputs) that stands for the base's and the adapter's together. RangeError for another shape. */
  weight(base: Tensor): Tensor
  /** The bias (outputs) that stands for both; absent, it stays as it is. */
  bias?(base: Float32Array): Float32Array
  /** Whether the layer cannot be merged without a bias. */
  readonly needsBias?: boolean
}

/** The changed linear layers of an adapter. RangeError when the method has no such form, or a tensor does not belong. */
export function mergedLayers(config: PeftConfig, tensors: TensorMap): readonly MergedLayer[] {
  switch (config.method) {
    case 'lora':
      return factorPairs(config, tensors)
        .filter(({ kind }) => kind === 'linear')
        .map((pair) => ({
          path: pair.path,
          weight: (base) => lowRankWeight(startedWeight(base, config, pair), pair, tensors),
          ...addedBias(pair, tensors),
        }))
    case 'ia3':
      return vectorPaths(config, tensors).map((path) => {
        const scale = (tensors.get(vectorKey(path)) as Tensor).data
        const feeds = isFeedforward(config, path)
        const weight = (base: Tensor): Tensor => scaledWeight(base, scale, { path, axis: feeds ? 1 : 0 })
        const bias = (base: Float32Array): Float32Array =>
          base.map((value, at) => value * (scale[at] as number))
        return { path, weight, ...(feeds ? {} : { bias }) }
      })
    case 'prompt':
      throw new RangeError('a soft prompt changes no weights; keep the adapter beside the base')
    case 'bottleneck':
      throw new RangeError(
        'a bottleneck is not linear and cannot be merged; keep the adapter beside the base',
      )
  }
}

/** With a bias of B, b + s b_B. */
function addedBias(
  { keyBias, scaling }: FactorPair,
  tensors: TensorMap,
): Pick<MergedLayer, 'bias' | 'needsBias'> {
  const added = keyBias === undefined ? undefined : tensors.get(keyBias)?.data
  if (added === undefined) return {}
  return {
    bias: (base) => base.map((value, at) => value + scaling * (added[at] as number)),
    needsBias: true,
  }
}

/** W, or W - s B0 A0 for factors that started from it. */
function startedWeight(base: Tensor, { start }: LoraConfig, pair: FactorPair): Tensor {
  if (start === null) return base
  const { a, b } = startFactors(matrixOf(base), { init: start, rank: pair.rank, scaling: pair.scaling })
  const factors = new Map([
    [pair.keyA, a],
    [pair.keyB, b],
  ])
  const taken = factorProduct(pair, factors).data
  return { shape: base.shape, data: base.data.map((value, at) => value - (taken[at] as number)) }
}

/** W + s B A; with a magnitude m, each of its rows has that length. */
function lowRankWeight({ shape, data }: Tensor, pair: FactorPair, tensors: TensorMap): Tensor {
  const { path, inFeatures, outFeatures, keyMagnitude } = pair
  if (shape[0] !== outFeatures || shape[1] !== inFeatures) throw otherShape(path, shape)
  const merged = factorProduct(pair, tensors).data.map((change, at) => change + (data[at] as number))
  const magnitude = keyMagnitude === undefined ? undefined : tensors.get(keyMagnitude)?.data
  if (magnitude === undefined) return { shape, data: merged }
  for (let row = 0; row < outFeatures; row++) {
    const values = merged.subarray(row * inFeatures, (row + 1) * inFeatures)
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
    const factor = (magnitude[row] as number) / length
    for (let at = 0; at < inFeatures; at++) values[at] = (values[at] as number) * factor
  }
  return { shape, data: merged }
}

function scaledWeight(
  { shape, data }: Tensor,
  scale: Float32Array,
  { path, axis }: { readonly path: string; readonly axis: 0 | 1 },
): Tensor {
  const columns = shape[1] as number
  if (shape[axis] !== scale.length) throw otherShape(path, shape)
  const factorAt = (at: number): number =>
    scale[axis === 0 ? Math.floor(at / columns) : at % columns] as number
  return { shape, data: data.map((value, at) => value * factorAt(at)) }
}

function otherShape(path: string, shape: readonly number[]): RangeError {
  return new RangeError(`"${path}" has a weight of (${shape.join(', ')}); the adapter is for another shape`)
}
