/**
 * What LoRA gives a module: the factors A (rank, inputs) and B (outputs, rank) and, with DoRA, a magnitude (outputs), under
 * PEFT's names.
 * @module
 */
import { createRandom } from '../train/random.js'
import { type LoraConfig, rankOf, scalingOf } from './lora-config.js'
import { targetTest } from './target-modules.js'
import type { Tensor, TensorMap } from './tensor.js'

/** A linear module that an adapter may change. */
export interface AdaptedModule {
  readonly path: string
  readonly inFeatures: number
  readonly outFeatures: number
}

/** The factors of one module and what their product is multiplied with. */
export interface FactorPair extends AdaptedModule {
  readonly rank: number
  readonly scaling: number
  readonly keyA: string // (rank, inFeatures)
  readonly keyB: string // (outFeatures, rank)
  readonly keyMagnitude?: string // (outFeatures), with DoRA
}

/** The key of a factor in adapter_model.safetensors. */
export function factorKey(path: string, factor: 'A' | 'B'): string {
  return `base_model.model.${path}.lora_${factor}.weight`
}

/** The key of a module's magnitude in adapter_model.safetensors. */
export function magnitudeKey(path: string): string {
  return `base_model.model.${path}.lora_magnitude_vector`
}

/**
 * The pairs of an adapter, one per module, in the order of the tensors. RangeError names the first tensor that does not
 * belong: an unknown key, a factor without its partner, a rank or a module that the configuration does not have.
 */
export function factorPairs(config: LoraConfig, tensors: TensorMap): readonly FactorPair[] {
  const paths = new Set([...tensors.keys()].map((key) => pathOf(key, config)))
  if (paths.size === 0)
    throw new RangeError('the adapter expected two factors for each module, got no tensors')
  const isTarget = targetTest(config)
  return [...paths].map((path) => {
    if (!isTarget(path))
      throw new RangeError(`the adapter has factors for "${path}", which target_modules does not match`)
    const [keyA, keyB] = [factorKey(path, 'A'), factorKey(path, 'B')]
    const [rankA, inFeatures] = sides(keyA, tensors)
    const [outFeatures, rankB] = sides(keyB, tensors)
    const rank = rankOf(config, path)
    if (rankA !== rank || rankB !== rank) {
      throw new RangeError(
        `the factors of "${path}" expected rank ${rank}, got A of rank ${rankA} and B of rank ${rankB}`,
      )
    }
    const pair = { path, inFeatures, outFeatures, rank, scaling: scalingOf(config, path), keyA, keyB }
    return config.dora ? { ...pair, keyMagnitude: checkedMagnitude(pair, tensors) } : pair
  })
}

/**
 * Factors to start training from, as PEFT starts: A uniform in +-1/sqrt(inputs), B zero, so the model is the base at first.
 * The same seed gives the same bytes on every machine, whatever the order of the modules.
 */
export function initialTensors(
  modules: readonly AdaptedModule[],
  spec: Pick<LoraConfig, 'rank'> & Partial<Pick<LoraConfig, 'rankPattern'>>,
  seed: number,
): TensorMap {
  const tensors = new Map<string, Tensor>()
  for (const { path, inFeatures, outFeatures } of modules) {
    const rank = rankOf({ rank: spec.rank, rankPattern: spec.rankPattern ?? {} }, path)
    const bound = 1 / Math.sqrt(inFeatures)
    const keyA = factorKey(path, 'A')
    const random = createRandom(seed, keyA)
    const data = Float32Array.from({ length: rank * inFeatures }, () => (2 * random.uniform() - 1) * bound)
    tensors.set(keyA, { shape: [rank, inFeatures], data })
    tensors.set(factorKey(path, 'B'), {
      shape: [outFeatures, rank],
      data: new Float32Array(outFeatures * rank),
    })
  }
  return tensors
}

function checkedMagnitude({ path, outFeatures }: AdaptedModule, tensors: TensorMap): string {
  const key = magnitudeKey(path)
  const shape = tensors.get(key)?.shape
  if (shape?.length === 1 && shape[0] === outFeatures) return key
  throw new RangeError(
    `expected a tensor "${key}" (${outFeatures}), as use_dora says; got ${shape === undefined ? 'none' : `(${shape.join(', ')})`}`,
  )
}

function pathOf(key: string, { dora }: Pick<LoraConfig, 'dora'>): string {
  const path =
    /^base_model\.model\.(.+)\.lora_[AB]\.weight$/s.exec(key)?.[1] ??
    (dora ? /^base_model\.model\.(.+)\.lora_magnitude_vector$/s.exec(key)?.[1] : undefined)
  if (path === undefined && /\.base_layer\.(weight|bias)$/.test(key)) {
    throw new RangeError(
      `tensor "${key}" is a frozen weight of the base model; save the adapter without it: save_pretrained(folder, save_embedding_layers=False)`,
    )
  }
  if (path === undefined) {
    throw new RangeError(
      `tensor "${key}" is no LoRA factor; expected base_model.model.<module>.lora_A.weight or .lora_B.weight`,
    )
  }
  return path
}

function sides(key: string, tensors: TensorMap): readonly [number, number] {
  const shape = tensors.get(key)?.shape
  if (shape === undefined)
    throw new RangeError(`expected a tensor "${key}"; the adapter has only its partner`)
  const [rows, columns, ...more] = shape
  if (rows === undefined || columns === undefined || more.length > 0 || rows < 1 || columns < 1) {
    throw new RangeError(`tensor "${key}" expected two sides of 1 or more, got (${shape.join(', ')})`)
  }
  return [rows, columns]
}
