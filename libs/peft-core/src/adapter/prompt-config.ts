/**
 * The configuration of a soft prompt: trained embeddings before every sequence, as Hugging Face PEFT's prompt tuning has it.
 * Paper: https://arxiv.org/abs/2104.08691
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/prompt_tuning/config.py
 * @module
 */
import type { BaseFacts, PeftOrigin } from './origin.js'

/** What a run asks for. */
export interface PromptSpec {
  readonly method: 'prompt'
  readonly virtualTokens: number
  /**
   * What the prompt starts from: numbers drawn from N(0, 1), the embeddings of tokens drawn from the vocabulary, or those of
   * given tokens, repeated or cut to the length of the prompt. 'random' unless stated.
   */
  readonly start?: 'random' | 'vocabulary' | readonly number[]
  /** Modules that are trained whole, by the end of their path. */
  readonly modulesToSave?: readonly string[]
}

export interface PromptConfig extends PeftOrigin {
  readonly method: 'prompt'
  readonly virtualTokens: number
  /** The width of an embedding. */
  readonly tokenDim: number
  /** Modules that are kept whole, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  /** How the prompt was begun, in PEFT's words; carried along, never used. */
  readonly init: PromptInit
  /** What PEFT notes of the base model; carried along, never used. */
  readonly attentionHeads: number | null
  readonly layers: number | null
}

export interface PromptInit {
  readonly kind: string
  readonly text: string | null
  readonly tokenizer: string | null
  readonly tokenizerOptions: Readonly<Record<string, unknown>> | null
}

/** The configuration of a new adapter. The embeddings of given tokens are noted as sampled: PEFT would look up their text. */
export function createPromptConfig(spec: PromptSpec, base: BaseFacts): PromptConfig {
  const { tokenDim, fanInFanOut: _, family: __, ...origin } = base
  if (tokenDim === undefined)
    throw new RangeError('prompt tuning expected a model with an embedding of its tokens, found none')
  const kind = (spec.start ?? 'random') === 'random' ? 'RANDOM' : 'SAMPLE_VOCAB'
  return checkedPrompt({
    method: 'prompt',
    virtualTokens: spec.virtualTokens,
    tokenDim,
    modulesToSave: spec.modulesToSave ?? null,
    init: { kind, text: null, tokenizer: null, tokenizerOptions: null },
    attentionHeads: null,
    layers: null,
    taskType: null,
    baseModel: null,
    revision: null,
    autoMapping: null,
    ...origin,
  })
}

/** RangeError unless the prompt has a length and a width; returns the configuration. */
export function checkedPrompt(config: PromptConfig): PromptConfig {
  for (const [name, count] of [
    ['num_virtual_tokens', config.virtualTokens],
    ['token_dim', config.tokenDim],
  ] as const) {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`${name} expected a whole number of 1 or more, got ${count}`)
  }
  return config
}

/** How many embeddings an adapter puts before each row. */
export function virtualTokensOf(config: PromptConfig | { readonly method: string }): number {
  return 'virtualTokens' in config ? config.virtualTokens : 0
}
