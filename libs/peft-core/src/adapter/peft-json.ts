/**
 * adapter_config.json, as Hugging Face PEFT reads and writes it: one form per method, told apart by `peft_type`.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/config.py
 * @module
 */
import { formatBottleneck, parseBottleneck } from './bottleneck-json.js'
import { formatIa3, parseIa3 } from './ia3-json.js'
import { type Fields, parseFields } from './json-fields.js'
import { formatLora, parseLora } from './lora-json.js'
import type { PeftConfig } from './peft-config.js'
import { formatPrompt, parsePrompt } from './prompt-json.js'

const parsers: Readonly<Record<string, (fields: Fields) => PeftConfig>> = {
  LORA: parseLora,
  IA3: parseIa3,
  PROMPT_TUNING: parsePrompt,
  BOTTLENECK: parseBottleneck,
}

/** adapter_config.json byte for byte as PEFT 0.21 writes it: sorted keys, two spaces, ASCII only. */
export function formatPeftConfig(config: PeftConfig): string {
  switch (config.method) {
    case 'lora':
      return formatLora(config)
    case 'ia3':
      return formatIa3(config)
    case 'prompt':
      return formatPrompt(config)
    case 'bottleneck':
      return formatBottleneck(config)
  }
}

/**
 * Reads adapter_config.json. Fields that PEFT does not know are ignored, as PEFT does; fields that change what the
 * tensors mean are refused by name. TypeError or RangeError says what was expected and what came.
 */
export function parsePeftConfig(json: string): PeftConfig {
  const fields = parseFields(json)
  const parse = typeof fields.peft_type === 'string' ? parsers[fields.peft_type] : undefined
  if (parse === undefined) {
    const known = Object.keys(parsers).map((type) => `"${type}"`)
    throw new RangeError(
      `peft_type expected ${known.join(', ')}, got ${JSON.stringify(fields.peft_type)}; other methods are not supported`,
    )
  }
  return parse(fields)
}
