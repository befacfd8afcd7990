/**
 * The adapter_config.json of IA3, as Hugging Face PEFT reads and writes it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/ia3/config.py
 * @module
 */
import { checkedIa3, type Ia3Config } from './ia3-config.js'
import {
  type Fields,
  fieldReader,
  formatFields,
  originFields,
  readOrigin,
  savedFields,
} from './json-fields.js'

/** The file, byte for byte as PEFT 0.21 writes it. */
export function formatIa3(config: Ia3Config): string {
  const fields = {
    ...savedFields,
    ...originFields(config),
    exclude_modules: config.excludeModules,
    fan_in_fan_out: config.fanInFanOut,
    feedforward_modules: config.feedforwardModules,
    init_ia3_weights: true,
    modules_to_save: config.modulesToSave,
    peft_type: 'IA3',
    target_modules: config.targetModules,
  }
  return formatFields(fields, [])
}

/** The configuration that the fields of a file say. TypeError or RangeError as `parsePeftConfig`. */
export function parseIa3(fields: Fields): Ia3Config {
  const read = fieldReader(fields)
  return checkedIa3({
    method: 'ia3',
    targetModules: read.names('target_modules') ?? [],
    feedforwardModules: read.names('feedforward_modules') ?? [],
    modulesToSave: read.list('modules_to_save'),
    excludeModules: read.names('exclude_modules'),
    layersToTransform: null,
    layersPattern: null,
    fanInFanOut: read.boolean('fan_in_fan_out'),
    ...readOrigin(fields),
  })
}
