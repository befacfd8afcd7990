/**
 * The configuration of an IA3 adapter, which rescales what modules take in or give out, as Hugging Face PEFT has it.
 * Paper: https://arxiv.org/abs/2205.05638
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/ia3/config.py
 * @module
 */
import type { BaseFacts, PeftOrigin } from './origin.js'
import { wholePattern } from './pattern.js'
import type { ModuleTargets } from './target-modules.js'

/** What a run asks for. */
export interface Ia3Spec {
  readonly method: 'ia3'
  /** Absent: what PEFT takes for the model's family. */
  readonly targets?: 'all-linear' | readonly string[]
  /** Those of the targets whose input is scaled; absent: PEFT's for the family, as far as they are targets. */
  readonly feedforward?: readonly string[]
  /** Modules that are trained whole, by the end of their path. */
  readonly modulesToSave?: readonly string[]
}

export interface Ia3Config extends ModuleTargets, PeftOrigin {
  readonly method: 'ia3'
  /** Modules whose input is scaled instead of their output: ends of their paths, or a regular expression of whole paths. */
  readonly feedforwardModules: string | readonly string[]
  /** Modules that are kept whole, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  readonly layersToTransform: null
  readonly layersPattern: null
  /** Whether the frozen weights are stored (inputs, outputs), as GPT-2's are. */
  readonly fanInFanOut: boolean
}

/** PEFT's choice for each family: the targets, the last of which is the one whose input is scaled. */
const familyTargets: Readonly<Record<string, readonly string[]>> = {
  bert: ['key', 'value', 'output.dense'],
  gemma2: ['q_proj', 'v_proj', 'down_proj'],
  gpt2: ['c_attn', 'mlp.c_proj'],
  gpt_neox: ['query_key_value', 'dense_4h_to_h'],
  llama: ['k_proj', 'v_proj', 'down_proj'],
  mistral: ['k_proj', 'v_proj', 'down_proj'],
  qwen2: ['q_proj', 'v_proj', 'down_proj'],
  qwen3: ['q_proj', 'v_proj', 'down_proj'],
  roberta: ['key', 'value', 'output.dense'],
}

/** The configuration of a new adapter. RangeError when nothing says what to scale. */
export function createIa3Config(
  spec: Ia3Spec,
  { fanInFanOut = false, family = '', tokenDim: _, ...origin }: BaseFacts,
): Ia3Config {
  const usual = familyTargets[family]
  const targetModules = spec.targets ?? usual
  if (targetModules === undefined) {
    throw new RangeError(
      `IA3 has no usual targets for a model of the family "${family}"; name the modules to scale, and which of them are feed-forward`,
    )
  }
  const isTarget = (name: string): boolean => targetModules === 'all-linear' || targetModules.includes(name)
  const feedforwardModules = spec.feedforward ?? (usual ?? []).slice(-1).filter(isTarget)
  return checkedIa3({
    method: 'ia3',
    targetModules,
    feedforwardModules,
    modulesToSave: spec.modulesToSave ?? null,
    excludeModules: null,
    layersToTransform: null,
    layersPattern: null,
    fanInFanOut,
    taskType: null,
    baseModel: null,
    revision: null,
    autoMapping: null,
    ...origin,
  })
}

/** RangeError unless the feed-forward modules are among the targets, where both are lists; returns the configuration. */
export function checkedIa3(config: Ia3Config): Ia3Config {
  const { targetModules, feedforwardModules } = config
  if (targetModules.length === 0) throw new RangeError('target_modules expected one module or more, got none')
  if (typeof targetModules === 'string' || typeof feedforwardModules === 'string') return config
  const other = feedforwardModules.find((name) => !targetModules.includes(name))
  if (other === undefined) return config
  throw new RangeError(
    `feedforward_modules expected names that are among target_modules (${targetModules.join(', ')}), got ${other}`,
  )
}

/** Whether a module's input is scaled instead of its output. PEFT compares ends of paths, not whole segments. */
export function isFeedforward(
  { feedforwardModules }: Pick<Ia3Config, 'feedforwardModules'>,
  path: string,
): boolean {
  if (typeof feedforwardModules === 'string') return wholePattern(feedforwardModules).test(path)
  return feedforwardModules.some((name) => path.endsWith(name))
}
