/**
 * What LoRA gives a module: the factors A (rank, inputs) and B (outputs, rank), a bias of B and, with DoRA, a magnitude
 * (outputs), under PEFT's names. The inputs of an embedding are the rows of its table.
 * @module
 */
import { createRandom, fillNormal, type Random } from '../train/random.js'
import { holdsTarget } from './expert-targets.js'
import { type LoraConfig, rankOf, scalingOf } from './lora-config.js'
import { isSavedKey } from './saved-modules.js'
import { targetTest } from './target-modules.js'
import type { Tensor, TensorMap } from './tensor.js'

export type FactorKind = 'linear' | 'embedding' | 'experts'

/** A module that an adapter may change. */
export interface AdaptedModule {
  readonly path: string
  /** 'linear' unless stated. */
  readonly kind?: FactorKind
  /** The stacked parameter and its number of matrices, of the kind 'experts': `path` is the module that holds it. */
  readonly parameter?: string
  readonly experts?: number
  readonly inFeatures: number
  readonly outFeatures: number
}

/** The factors of one module and what their product is multiplied with. */
export interface FactorPair extends AdaptedModule {
  readonly rank: number
  readonly scaling: number
  readonly keyA: string // (rank, inFeatures)
  readonly keyB: string // (outFeatures, rank)
  /** The bias of B, where it has one. */
  readonly keyBias?: string // (outFeatures)
  readonly keyMagnitude?: string // (outFeatures), with DoRA
}

/** The key of a factor in adapter_model.safetensors. */
export function factorKey(path: string, factor: 'A' | 'B', kind: FactorKind = 'linear'): string {
  return kind === 'embedding'
    ? `base_model.model.${path}.lora_embedding_${factor}`
    : `base_model.model.${path}.lora_${factor}.weight`
}

/** The key of a module's magnitude in adapter_model.safetensors. */
export function magnitudeKey(path: string): string {
  return `base_model.model.${path}.lora_magnitude_vector`
}

/** The key of the bias that B has with `lora_bias`. */
export function biasKey(path: string): string {
  return `base_model.model.${path}.lora_B.bias`
}

/**
 * The pairs of an adapter, one per module, in the order of the tensors. RangeError names the first tensor that does not
 * belong: an unknown key, a factor without its partner, a rank or a module that the configuration does not have.
 */
export function factorPairs(config: LoraConfig, tensors: TensorMap): readonly FactorPair[] {
  const keys = [...tensors.keys()].filter((key) => !isSavedKey(config, key))
  const kinds = new Map(keys.map((key) => moduleOf(key, config)))
  if (kinds.size === 0)
    throw new RangeError('the adapter expected two factors for each module, got no tensors')
  const isTarget = targetTest(config)
  return [...kinds].map(([path, kind]) => {
    if (config.targetParameters !== null && holdsTarget(config.targetParameters, path))
      return expertPair(config, path, tensors)
    if (!isTarget(path))
      throw new RangeError(`the adapter has factors for "${path}", which target_modules does not match`)
    const [keyA, keyB] = [factorKey(path, 'A', kind), factorKey(path, 'B', kind)]
    const [rankA, inFeatures] = sides(keyA, tensors)
    const [outFeatures, rankB] = sides(keyB, tensors)
    const rank = rankOf(config, path)
    if (rankA !== rank || rankB !== rank) {
      throw new RangeError(
        `the factors of "${path}" expected rank ${rank}, got A of rank ${rankA} and B of rank ${rankB}`,
      )
    }
    const scaling = scalingOf(config, path)
    const pair = { path, kind, inFeatures, outFeatures, rank, scaling, keyA, keyB }
    return {
      ...pair,
      ...biasOf(config, pair, tensors),
      ...(config.dora ? { keyMagnitude: checkedMagnitude(pair, tensors) } : {}),
    }
  })
}

/** The factors of all experts: A has the rank times the experts rows, and B as many columns. */
function expertPair(config: LoraConfig, path: string, tensors: TensorMap): FactorPair {
  const [keyA, keyB] = [factorKey(path, 'A'), factorKey(path, 'B')]
  const [rows, inFeatures] = sides(keyA, tensors)
  const [outFeatures, columns] = sides(keyB, tensors)
  const module = path.replace(/(?:\.base_layer)+$/, '')
  const parameters = (config.targetParameters ?? []).map((name) => `${module}.${name.split('.').at(-1)}`)
  const ranks = parameters.map((parameter) => rankOf(config, parameter))
  const at = ranks.findIndex((rank) => rows === columns && rows % rank === 0)
  const [rank, parameter] = [ranks[at], parameters[at]]
  if (rank === undefined || parameter === undefined) {
    throw new RangeError(
      `the factors of "${path}" expected a multiple of the rank ${ranks.join(' or ')}, got A of ${rows} rows and B of ${columns} columns`,
    )
  }
  const scaling = scalingOf(config, parameter)
  const experts = rows / rank
  return { path, kind: 'experts', parameter, experts, inFeatures, outFeatures, rank, scaling, keyA, keyB }
}

function biasOf(
  config: LoraConfig,
  { path, outFeatures }: Pick<AdaptedModule, 'path' | 'outFeatures'>,
  tensors: TensorMap,
): Pick<FactorPair, 'keyBias'> {
  const keyBias = biasKey(path)
  const shape = tensors.get(keyBias)?.shape
  const fits = shape?.length === 1 && shape[0] === outFeatures
  if (config.loraBias ? fits : shape === undefined) return config.loraBias ? { keyBias } : {}
  const expected = config.loraBias ? `shape (${outFeatures})` : 'no such tensor without lora_bias'
  throw new RangeError(
    `tensor "${keyBias}" expected ${expected}, got ${shape === undefined ? 'none' : `(${shape.join(', ')})`}`,
  )
}

/**
 * Factors to start training from, as PEFT starts, so that the model is the base at first: A uniform in +-1/sqrt(inputs) and
 * B zero; of an embedding, A zero and B normal. The same seed gives the same bytes on every machine, whatever the order of
 * the modules.
 */
export function initialTensors(
  modules: readonly AdaptedModule[],
  spec: Pick<LoraConfig, 'rank'> & Partial<Pick<LoraConfig, 'rankPattern' | 'loraBias'>>,
  seed: number,
): TensorMap {
  const tensors = new Map<string, Tensor>()
  for (const { path, kind = 'linear', parameter = path, experts = 1, inFeatures, outFeatures } of modules) {
    const rank = experts * rankOf({ rank: spec.rank, rankPattern: spec.rankPattern ?? {} }, parameter)
    const [keyA, keyB] = [factorKey(path, 'A', kind), factorKey(path, 'B', kind)]
    const [a, b] = [new Float32Array(rank * inFeatures), new Float32Array(outFeatures * rank)]
    if (kind !== 'embedding') fillUniform(a, 1 / Math.sqrt(inFeatures), createRandom(seed, keyA))
    else fillNormal(b, createRandom(seed, keyB))
    tensors.set(keyA, { shape: [rank, inFeatures], data: a })
    tensors.set(keyB, { shape: [outFeatures, rank], data: b })
    if (spec.loraBias === true)
      tensors.set(biasKey(path), { shape: [outFeatures], data: new Float32Array(outFeatures) })
  }
  return tensors
}

function fillUniform(values: Float32Array, bound: number, random: Random): void {
  for (const at of values.keys()) values[at] = (2 * random.uniform() - 1) * bound
}

function checkedMagnitude({ path, outFeatures }: AdaptedModule, tensors: TensorMap): string {
  const key = magnitudeKey(path)
  const shape = tensors.get(key)?.shape
  if (shape?.length === 1 && shape[0] === outFeatures) return key
  throw new RangeError(
    `expected a tensor "${key}" (${outFeatures}), as use_dora says; got ${shape === undefined ? 'none' : `(${shape.join(', ')})`}`,
  )
}

function moduleOf(
  key: string,
  { dora }: Pick<LoraConfig, 'dora'>,
): readonly [path: string, kind: FactorKind] {
  const known = dora
    ? /^base_model\.model\.(.+)\.lora_(?:[AB]\.weight|B\.bias|(embedding)_[AB]|magnitude_vector)$/s
    : /^base_model\.model\.(.+)\.lora_(?:[AB]\.weight|B\.bias|(embedding)_[AB])$/s
  const [, path, embedding] = known.exec(key) ?? []
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
  return [path, embedding === undefined ? 'linear' : 'embedding']
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
