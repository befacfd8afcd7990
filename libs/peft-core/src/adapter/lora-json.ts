/**
 * The adapter_config.json of LoRA, as Hugging Face PEFT reads and writes it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/config.py
 * @module
 */
import {
  type Fields,
  fieldReader,
  formatFields,
  originFields,
  readOrigin,
  refuseFields,
  savedFields,
} from './json-fields.js'
import { checkedLora, type LoraConfig } from './lora-config.js'
import { isWeightStart } from './start-factors.js'

/** The fields of PEFT 0.21 that this library leaves at their defaults. */
const defaultFields = {
  alora_invocation_tokens: null,
  arrow_config: null,
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  kasa_config: null,
  layer_replication: null,
  loftq_config: {},
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  monteclora_config: null,
  qalora_group_size: 16,
  trainable_token_indices: null,
  use_bdlora: null,
  use_qalora: false,
  velora_config: null,
}

/** Fields that change what the factors mean. They are refused unless empty, because ignoring them would be wrong. */
const refusedFields = [
  'trainable_token_indices',
  'layer_replication',
  'use_qalora',
  'use_bdlora',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'velora_config',
  'monteclora_config',
  'megatron_config',
] as const

/** Values of `init_lora_weights` that leave the frozen weights as they are. */
const plainStarts: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'orthogonal', 'eva']

/** The file, byte for byte as PEFT 0.21 writes it. */
export function formatLora(config: LoraConfig): string {
  const fields = {
    ...defaultFields,
    ...savedFields,
    ...originFields(config),
    alpha_pattern: config.alphaPattern,
    exclude_modules: config.excludeModules,
    fan_in_fan_out: config.fanInFanOut,
    layers_pattern: config.layersPattern,
    layers_to_transform: config.layersToTransform,
    init_lora_weights: config.start ?? true,
    lora_alpha: config.alpha,
    lora_bias: config.loraBias,
    lora_dropout: config.dropout,
    modules_to_save: config.modulesToSave,
    peft_type: 'LORA',
    r: config.rank,
    rank_pattern: config.rankPattern,
    target_modules: config.targetModules,
    target_parameters: config.targetParameters,
    use_dora: config.dora,
    use_rslora: config.rslora,
  }
  return formatFields(fields, ['lora_dropout'])
}

/** The configuration that the fields of a file say. TypeError or RangeError as `parsePeftConfig`. */
export function parseLora(fields: Fields): LoraConfig {
  refuseFields(fields, refusedFields)
  if ((fields.bias ?? 'none') !== 'none') {
    throw new RangeError(
      `bias expected "none", got ${JSON.stringify(fields.bias)}: biases of the base are not trained; train the adapter with bias="none"`,
    )
  }
  const init = fields.init_lora_weights
  if (!plainStarts.includes(init) && !isWeightStart(init)) {
    throw new RangeError(
      `init_lora_weights ${JSON.stringify(init)} changes the base model; convert the adapter to plain LoRA when saving it`,
    )
  }
  const read = fieldReader(fields)
  return checkedLora({
    method: 'lora',
    rank: read.number('r', 8),
    alpha: read.number('lora_alpha', 8),
    rslora: read.boolean('use_rslora'),
    dora: read.boolean('use_dora'),
    dropout: read.number('lora_dropout', 0),
    targetModules: read.names('target_modules') ?? [],
    excludeModules: read.names('exclude_modules'),
    layersToTransform: read.layers('layers_to_transform'),
    layersPattern: read.names('layers_pattern'),
    rankPattern: read.numbers('rank_pattern'),
    alphaPattern: read.numbers('alpha_pattern'),
    start: isWeightStart(init) ? init : null,
    loraBias: read.boolean('lora_bias'),
    targetParameters: read.list('target_parameters'),
    modulesToSave: read.list('modules_to_save'),
    fanInFanOut: read.boolean('fan_in_fan_out'),
    ...readOrigin(fields),
  })
}
