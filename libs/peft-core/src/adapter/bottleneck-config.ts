/**
 * The configuration of bottleneck adapters: a small network after a module, h + W_up f(W_down h + b_down) + b_up.
 * Papers: https://arxiv.org/abs/1902.00751 (after attention and feed-forward), https://arxiv.org/abs/2005.00247 (after
 * feed-forward only)
 * @module
 */
import type { BaseFacts, PeftOrigin } from './origin.js'
import type { ModuleTargets } from './target-modules.js'

/** What lies between the two matrices. */
export const nonLinearities = ['relu', 'gelu', 'silu', 'tanh'] as const
export type NonLinearity = (typeof nonLinearities)[number]

/** What a run asks for. */
export interface BottleneckSpec {
  readonly method: 'bottleneck'
  /** How many numbers the network is narrowed to. */
  readonly size: number
  readonly nonLinearity: NonLinearity
  /** Absent: the last projections of attention and of feed-forward, as in the first paper. */
  readonly targets?: 'all-linear' | readonly string[]
}

export interface BottleneckConfig extends ModuleTargets, PeftOrigin {
  readonly method: 'bottleneck'
  readonly size: number
  readonly nonLinearity: NonLinearity
}

/** The last projections of attention and feed-forward, by family. */
const familyTargets: Readonly<Record<string, readonly string[]>> = {
  bert: ['output.dense'],
  distilbert: ['out_lin', 'lin2'],
  gemma2: ['o_proj', 'down_proj'],
  gpt2: ['c_proj'],
  gpt_neox: ['attention.dense', 'dense_4h_to_h'],
  llama: ['o_proj', 'down_proj'],
  mistral: ['o_proj', 'down_proj'],
  phi3: ['o_proj', 'down_proj'],
  qwen2: ['o_proj', 'down_proj'],
  qwen3: ['o_proj', 'down_proj'],
  roberta: ['output.dense'],
  vit: ['output.dense'],
}

/** The configuration of a new adapter. RangeError when nothing says where the networks go. */
export function createBottleneckConfig(spec: BottleneckSpec, base: BaseFacts): BottleneckConfig {
  const { family = '', tokenDim: _, fanInFanOut: __, ...origin } = base
  const targetModules = spec.targets ?? familyTargets[family]
  if (targetModules === undefined) {
    throw new RangeError(
      `bottleneck adapters have no usual place in a model of the family "${family}"; name the modules that they follow`,
    )
  }
  return checkedBottleneck({
    method: 'bottleneck',
    size: spec.size,
    nonLinearity: spec.nonLinearity,
    targetModules,
    excludeModules: null,
    layersToTransform: null,
    layersPattern: null,
    taskType: null,
    baseModel: null,
    revision: null,
    autoMapping: null,
    ...origin,
  })
}

/** RangeError unless the size and the non-linearity are usable; returns the configuration. */
export function checkedBottleneck(config: BottleneckConfig): BottleneckConfig {
  const { size, nonLinearity, targetModules } = config
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`bottleneck_size expected a whole number of 1 or more, got ${size}`)
  if (!nonLinearities.includes(nonLinearity))
    throw new RangeError(
      `non_linearity expected ${nonLinearities.join(', ')}, got ${JSON.stringify(nonLinearity)}`,
    )
  if (targetModules.length === 0) throw new RangeError('target_modules expected one module or more, got none')
  return config
}
