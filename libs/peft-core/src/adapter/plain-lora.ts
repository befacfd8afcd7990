/**
 * Adapters that started from the weights, as LoRA that needs nothing but the base.
 * @module
 */
import type { Adapter } from './adapter.js'
import { factorPairs } from './factors.js'
import type { LoraConfig } from './lora-config.js'
import type { StartFactors, Starts } from './start-factors.js'
import type { Tensor } from './tensor.js'

/** The factors of an adapter by module; of a fresh one that starts from the weights, those that it starts from. */
export function factorsByModule({ config, tensors }: Adapter): Starts | undefined {
  if (config.method !== 'lora' || config.start === null) return undefined
  const pairs = factorPairs(config, tensors)
  return new Map(
    pairs.map(({ path, keyA, keyB }) => [
      path,
      { a: tensors.get(keyA) as Tensor, b: tensors.get(keyB) as Tensor },
    ]),
  )
}

/**
 * The same change of the model by factors of twice the rank, beside whole weights: what PEFT stores when it is given
 * `path_initial_model_for_weight_conversion`. An adapter that did not start from the weights comes back as it is. RangeError
 * when a module has no start.
 */
export function plainAdapter(adapter: Adapter, starts: Starts | undefined): Adapter {
  const { config, tensors } = adapter
  if (config.method !== 'lora' || config.start === null) return adapter
  const plain = new Map(tensors)
  for (const { path, keyA, keyB } of factorPairs(config, tensors)) {
    const start = starts?.get(path)
    if (start === undefined) throw new RangeError(`expected the factors that "${path}" started from`)
    const wide = withoutStart({ a: tensors.get(keyA) as Tensor, b: tensors.get(keyB) as Tensor }, start)
    plain.set(keyA, wide.a)
    plain.set(keyB, wide.b)
  }
  return { config: plainConfig(config), tensors: plain }
}

/** Twice the rank with the same scaling. */
function plainConfig(config: LoraConfig): LoraConfig {
  const { rank, alpha, rankPattern, alphaPattern, rslora } = config
  const growth = rslora ? Math.SQRT2 : 2
  return {
    ...config,
    start: null,
    rank: 2 * rank,
    alpha: growth * alpha,
    rankPattern: multiplied(rankPattern, 2),
    alphaPattern: multiplied(alphaPattern, growth),
  }
}

function multiplied(
  pattern: Readonly<Record<string, number>>,
  factor: number,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(pattern).map(([name, value]) => [name, factor * value]))
}

/**
 * Factors of twice the rank that do beside W what A and B do beside W - s B0 A0: [A; A0] and [B, -B0]. They belong to the
 * same scaling: twice the alpha, or sqrt(2) times with rsLoRA.
 */
function withoutStart({ a, b }: StartFactors, start: StartFactors): StartFactors {
  const [rank, inputs] = a.shape as [number, number]
  const outputs = b.shape[0] as number
  const wideA = new Float32Array(2 * rank * inputs)
  wideA.set(a.data)
  wideA.set(start.a.data, rank * inputs)
  const wideB = new Float32Array(outputs * 2 * rank)
  for (let row = 0; row < outputs; row++) {
    wideB.set(b.data.subarray(row * rank, (row + 1) * rank), 2 * row * rank)
    const negated = start.b.data.subarray(row * rank, (row + 1) * rank).map((value) => -value)
    wideB.set(negated, (2 * row + 1) * rank)
  }
  return { a: { shape: [2 * rank, inputs], data: wideA }, b: { shape: [outputs, 2 * rank], data: wideB } }
}
