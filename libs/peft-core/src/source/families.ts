/**
 * The model families that are built straight from a Hugging Face folder, by the `model_type` of their config.json.
 * @module
 */
import type { Architecture, Family } from './architecture.js'
import { bertFamily } from './bert.js'
import type { Fields } from './fields.js'
import { gpt2Family } from './gpt2.js'
import { llamaFamily, mistralFamily, qwen2Family, qwen3Family } from './llama.js'
import { mixtralFamily } from './mixtral.js'

const families: Readonly<Record<string, Family>> = {
  bert: bertFamily,
  gpt2: gpt2Family,
  llama: llamaFamily,
  mistral: mistralFamily,
  mixtral: mixtralFamily,
  qwen2: qwen2Family,
  qwen3: qwen3Family,
}

/** Reads a decoded config.json. RangeError names the field that is missing, or asks for what is not built yet. */
export function parseArchitecture(raw: unknown): Architecture {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new RangeError('config.json expected an object')
  }
  const fields = raw as Fields
  const name = String(fields.model_type)
  const family = Object.hasOwn(families, name) ? families[name] : undefined
  if (family !== undefined) return { family: name, ...family(fields) }
  const known = Object.keys(families).join(', ')
  throw new RangeError(
    `model_type ${JSON.stringify(fields.model_type)} is not supported; expected one of ${known}`,
  )
}
