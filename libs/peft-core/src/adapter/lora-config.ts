/**
 * The configuration of a LoRA adapter, with the meaning that Hugging Face PEFT gives it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/config.py
 * @module
 */
import type { PeftOrigin } from './origin.js'
import { suffixPattern } from './pattern.js'
import type { WeightStart } from './start-factors.js'
import type { ModuleTargets } from './target-modules.js'

/** What a run asks for. */
export interface LoraSpec {
  /** 'dora' also trains the length of each row of the weight. Paper: https://arxiv.org/abs/2402.09353 */
  readonly method: 'lora' | 'dora'
  readonly rank: number
  readonly alpha: number
  readonly targets: 'all-linear' | readonly string[]
  /** Scales by alpha / sqrt(rank) instead of alpha / rank. Paper: https://arxiv.org/abs/2312.03732 */
  readonly rslora: boolean
  /** The share of a module's inputs that training sets to zero before A, in [0, 1). */
  readonly dropout?: number
  /** Takes the first factors from the weights, which are then frozen without them. */
  readonly start?: WeightStart
  /** Adds a trained bias to B. */
  readonly loraBias?: boolean
  /** Modules that are trained whole, by the end of their path. */
  readonly modulesToSave?: readonly string[]
  /** Stacked parameters of sparse experts that get factors, by the end of their path: `mlp.experts.down_proj`. */
  readonly targetParameters?: readonly string[]
  /** Only these layers, counted from 0. */
  readonly layersToTransform?: readonly number[]
  readonly excludeModules?: readonly string[]
  /** Ranks and alphas of some modules, by the end of their path. */
  readonly rankPattern?: Readonly<Record<string, number>>
  readonly alphaPattern?: Readonly<Record<string, number>>
}

/** What an adapter folder says about its factors. */
export interface LoraConfig extends ModuleTargets, PeftOrigin {
  readonly method: 'lora'
  readonly rank: number
  readonly alpha: number
  readonly rslora: boolean
  /** Whether each module also has a magnitude: the length of each row of its weight. */
  readonly dora: boolean
  readonly dropout: number
  /** Ranks of modules that differ from `rank`, by the end of their path (a regular expression). */
  readonly rankPattern: Readonly<Record<string, number>>
  readonly alphaPattern: Readonly<Record<string, number>>
  /** What the factors started from, when the frozen weights are without it; null: the weights are the base's own. */
  readonly start: WeightStart | null
  /** Whether B has a bias. */
  readonly loraBias: boolean
  /** Modules that are kept whole, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  /** Stacked parameters that have factors for each expert, by the end of their path. */
  readonly targetParameters: readonly string[] | null
  /** Whether the frozen weights are stored (inputs, outputs), as GPT-2's are. */
  readonly fanInFanOut: boolean
}

const none = {
  dropout: 0,
  excludeModules: null,
  layersToTransform: null,
  layersPattern: null,
  rankPattern: {},
  alphaPattern: {},
  start: null,
  loraBias: false,
  modulesToSave: null,
  targetParameters: null,
  fanInFanOut: false,
  taskType: null,
  baseModel: null,
  revision: null,
  autoMapping: null,
} as const

/** The configuration of a new adapter. `rest` adds what the spec does not say, such as the task and the base. */
export function createLoraConfig(spec: LoraSpec, rest: Partial<LoraConfig> = {}): LoraConfig {
  const { targets, method, ...given } = spec
  return checkedLora({
    ...none,
    ...given,
    method: 'lora',
    dora: method === 'dora',
    targetModules: targets,
    ...rest,
  })
}

/** Throws RangeError unless ranks and scales are usable; returns the configuration. */
export function checkedLora(config: LoraConfig): LoraConfig {
  const ranks: [string, number][] = [['r', config.rank], ...Object.entries(config.rankPattern)]
  for (const [name, rank] of ranks) {
    if (!Number.isInteger(rank) || rank < 1)
      throw new RangeError(`${name} expected a rank of 1 or more, got ${rank}`)
  }
  const alphas: [string, number][] = [['lora_alpha', config.alpha], ...Object.entries(config.alphaPattern)]
  for (const [name, alpha] of alphas) {
    if (!Number.isFinite(alpha) || alpha <= 0)
      throw new RangeError(`${name} expected a number above 0, got ${alpha}`)
  }
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw new RangeError(`lora_dropout expected a number in [0, 1), got ${config.dropout}`)
  }
  if (config.targetModules.length === 0 && config.targetParameters === null)
    throw new RangeError('target_modules expected one module or more, got none')
  return config
}

/** The rank of a module's factors. */
export function rankOf(config: Pick<LoraConfig, 'rank' | 'rankPattern'>, path: string): number {
  return resolved(config.rankPattern, path) ?? config.rank
}

/** What B A is multiplied with at a module: alpha / rank, or alpha / sqrt(rank) with rslora. */
export function scalingOf(
  config: Pick<LoraConfig, 'rank' | 'rankPattern' | 'alpha' | 'alphaPattern' | 'rslora'>,
  path: string,
): number {
  const rank = rankOf(config, path)
  const alpha = resolved(config.alphaPattern, path) ?? config.alpha
  return alpha / (config.rslora ? Math.sqrt(rank) : rank)
}

/** PEFT takes the first pattern that matches, in the order of the file. */
function resolved(patterns: Readonly<Record<string, number>>, path: string): number | undefined {
  return Object.entries(patterns).find(([pattern]) => suffixPattern(pattern).test(path))?.[1]
}
