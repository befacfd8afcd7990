/**
 * The model families that are built straight from a Hugging Face folder, by the `model_type` of their config.json.
 * @module
 */
import type { Architecture, Family, ImageArchitecture } from './architecture.js'
import { bertFamily } from './bert.js'
import { distilbertFamily } from './distilbert.js'
import type { Fields } from './fields.js'
import { gemma2Family, gemmaFamily } from './gemma.js'
import { gptNeoxFamily } from './gpt-neox.js'
import { gpt2Family } from './gpt2.js'
import { llamaFamily, mistralFamily, qwen2Family, qwen3Family, smolLm3Family } from './llama.js'
import { mixtralFamily } from './mixtral.js'
import { fieldsWithHead, type NewHead } from './new-head.js'
import { olmo2Family } from './olmo2.js'
import { phiFamily } from './phi.js'
import { phi3Family } from './phi3.js'
import { qwen2MoeFamily, qwen3MoeFamily } from './qwen-moe.js'
import { robertaFamily } from './roberta.js'
import { stableLmFamily } from './stablelm.js'
import { vitFamily } from './vit.js'

const families: Readonly<Record<string, Family | Family<ImageArchitecture>>> = {
  bert: bertFamily,
  camembert: robertaFamily,
  distilbert: distilbertFamily,
  gemma: gemmaFamily,
  gemma2: gemma2Family,
  gpt2: gpt2Family,
  gpt_neox: gptNeoxFamily,
  llama: llamaFamily,
  mistral: mistralFamily,
  mixtral: mixtralFamily,
  olmo2: olmo2Family,
  phi: phiFamily,
  phi3: phi3Family,
  qwen2: qwen2Family,
  qwen2_moe: qwen2MoeFamily,
  qwen3: qwen3Family,
  qwen3_moe: qwen3MoeFamily,
  roberta: robertaFamily,
  smollm3: smolLm3Family,
  stablelm: stableLmFamily,
  vit: vitFamily,
  'xlm-roberta': robertaFamily,
}

/** Reads a decoded config.json, of a model that is given a `head` as if it had it. RangeError names the field that is missing, or asks for what is not built yet. */
export function parseArchitecture(raw: unknown, head?: NewHead): Architecture {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new RangeError('config.json expected an object')
  }
  const fields = head === undefined ? (raw as Fields) : fieldsWithHead(raw as Fields, head)
  const name = String(fields.model_type)
  const family = Object.hasOwn(families, name) ? families[name] : undefined
  if (family !== undefined) return { family: name, ...family(fields) }
  const known = Object.keys(families).join(', ')
  throw new RangeError(
    `model_type ${JSON.stringify(fields.model_type)} is not supported; expected one of ${known}`,
  )
}
