/**
 * The adapter_config.json of prompt tuning, as Hugging Face PEFT reads and writes it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/prompt_tuning/config.py
 * @module
 */
import {
  type Fields,
  fieldReader,
  formatFields,
  originFields,
  readOrigin,
  savedFields,
} from './json-fields.js'
import { checkedPrompt, type PromptConfig } from './prompt-config.js'

/** The file, byte for byte as PEFT 0.21 writes it. */
export function formatPrompt(config: PromptConfig): string {
  const { kind, text, tokenizer, tokenizerOptions } = config.init
  const fields = {
    ...savedFields,
    ...originFields(config),
    modules_to_save: config.modulesToSave,
    num_attention_heads: config.attentionHeads,
    num_layers: config.layers,
    num_transformer_submodules: 1,
    num_virtual_tokens: config.virtualTokens,
    peft_type: 'PROMPT_TUNING',
    prompt_tuning_init: kind,
    prompt_tuning_init_text: text,
    token_dim: config.tokenDim,
    tokenizer_kwargs: tokenizerOptions,
    tokenizer_name_or_path: tokenizer,
  }
  return formatFields(fields, [])
}

/** The configuration that the fields of a file say. TypeError or RangeError as `parsePeftConfig`. */
export function parsePrompt(fields: Fields): PromptConfig {
  const read = fieldReader(fields)
  const submodules = read.number('num_transformer_submodules', 1)
  if (submodules !== 1)
    throw new RangeError(
      `num_transformer_submodules expected 1, got ${submodules}; two are of an encoder-decoder`,
    )
  const options = fields.tokenizer_kwargs
  return checkedPrompt({
    method: 'prompt',
    virtualTokens: read.number('num_virtual_tokens', 0),
    tokenDim: read.number('token_dim', 0),
    modulesToSave: read.list('modules_to_save'),
    init: {
      kind: read.text('prompt_tuning_init') ?? 'RANDOM',
      text: read.text('prompt_tuning_init_text'),
      tokenizer: read.text('tokenizer_name_or_path'),
      tokenizerOptions:
        typeof options === 'object' ? (options as PromptConfig['init']['tokenizerOptions']) : null,
    },
    attentionHeads: fields.num_attention_heads == null ? null : read.number('num_attention_heads', 0),
    layers: fields.num_layers == null ? null : read.number('num_layers', 0),
    ...readOrigin(fields),
  })
}
