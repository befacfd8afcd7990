/**
 * The configuration of an adapter, with the meaning that Hugging Face PEFT gives it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/config.py
 * @module
 */
import { suffixPattern } from './pattern.js'

/** What a run asks for. */
export interface PeftSpec {
  readonly method: 'lora'
  readonly rank: number
  readonly alpha: number
  readonly targets: 'all-linear' | readonly string[]
  /** Scales by alpha / sqrt(rank) instead of alpha / rank. Paper: https://arxiv.org/abs/2312.03732 */
  readonly rslora: boolean
}

/** What an adapter folder says about its factors. */
export interface PeftConfig {
  readonly rank: number
  readonly alpha: number
  readonly rslora: boolean
  readonly dropout: number
  /** A list of names or ends of module paths, 'all-linear', or a regular expression of whole paths. */
  readonly targetModules: string | readonly string[]
  readonly excludeModules: string | readonly string[] | null
  readonly layersToTransform: number | readonly number[] | null
  readonly layersPattern: string | readonly string[] | null
  /** Ranks of modules that differ from `rank`, by the end of their path (a regular expression). */
  readonly rankPattern: Readonly<Record<string, number>>
  readonly alphaPattern: Readonly<Record<string, number>>
  /** Whether the frozen weights are stored (inputs, outputs), as GPT-2's are. */
  readonly fanInFanOut: boolean
  readonly taskType: string | null
  readonly baseModel: string | null
  readonly revision: string | null
  /** The Python class of the base model; carried along, never used. */
  readonly autoMapping: Readonly<Record<string, unknown>> | null
}

const none = {
  dropout: 0,
  excludeModules: null,
  layersToTransform: null,
  layersPattern: null,
  rankPattern: {},
  alphaPattern: {},
  fanInFanOut: false,
  taskType: null,
  baseModel: null,
  revision: null,
  autoMapping: null,
} as const

/** The configuration of a new adapter. `rest` adds what the spec does not say, such as the task and the base. */
export function createPeftConfig(spec: PeftSpec, rest: Partial<PeftConfig> = {}): PeftConfig {
  return checked({
    ...none,
    rank: spec.rank,
    alpha: spec.alpha,
    rslora: spec.rslora,
    targetModules: spec.targets,
    ...rest,
  })
}

/** Throws RangeError unless ranks and scales are usable; returns the configuration. */
export function checked(config: PeftConfig): PeftConfig {
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
  if (config.targetModules.length === 0)
    throw new RangeError('target_modules expected one module or more, got none')
  return config
}

/** The rank of a module's factors. */
export function rankOf(config: Pick<PeftConfig, 'rank' | 'rankPattern'>, path: string): number {
  return resolved(config.rankPattern, path) ?? config.rank
}

/** What B A is multiplied with at a module: alpha / rank, or alpha / sqrt(rank) with rslora. */
export function scalingOf(
  config: Pick<PeftConfig, 'rank' | 'rankPattern' | 'alpha' | 'alphaPattern' | 'rslora'>,
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
