/**
 * adapter_config.json, as Hugging Face PEFT reads and writes it.
 * Reference: https://github.com/huggingface/peft/blob/main/src/peft/config.py
 * @module
 */
import { checked, type PeftConfig } from './peft-config.js'
import { compareBytes } from './safetensors.js'

/** The fields of PEFT 0.21 that this library leaves at their defaults. */
const defaultFields = {
  alora_invocation_tokens: null,
  arrow_config: null,
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  loftq_config: {},
  lora_bias: false,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_type: 'LORA',
  peft_version: '0.21.0',
  qalora_group_size: 16,
  target_parameters: null,
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  velora_config: null,
}

/** Fields that change what the factors mean. They are refused unless empty, because ignoring them would be wrong. */
const refusedFields = [
  'use_dora',
  'lora_bias',
  'modules_to_save',
  'target_parameters',
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

/** Initialisations that leave the frozen weights as they are; the others change the base under the adapter. */
const initialisations: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'orthogonal', 'eva']

/** adapter_config.json byte for byte as PEFT 0.21 writes it: sorted keys, two spaces, ASCII only. */
export function formatPeftConfig(config: PeftConfig): string {
  const fields = {
    ...defaultFields,
    alpha_pattern: config.alphaPattern,
    auto_mapping: config.autoMapping,
    base_model_name_or_path: config.baseModel,
    exclude_modules: config.excludeModules,
    fan_in_fan_out: config.fanInFanOut,
    layers_pattern: config.layersPattern,
    layers_to_transform: config.layersToTransform,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    r: config.rank,
    rank_pattern: config.rankPattern,
    revision: config.revision,
    target_modules: config.targetModules,
    task_type: config.taskType,
    use_rslora: config.rslora,
  }
  return JSON.stringify(sortedKeys(fields), undefined, 2)
    .replace(/^( {2}"lora_dropout": \d+)(?=,?$)/m, '$1.0')
    .replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Reads adapter_config.json. Fields that PEFT does not know are ignored, as PEFT does; fields that change what the
 * factors mean are refused by name. TypeError or RangeError says what was expected and what came.
 */
export function parsePeftConfig(json: string): PeftConfig {
  const fields = parseObject(json)
  if (fields.peft_type !== 'LORA') {
    throw new RangeError(
      `peft_type expected "LORA", got ${JSON.stringify(fields.peft_type)}; other methods are not supported`,
    )
  }
  const refused = refusedFields.find((name) => !isEmpty(fields[name]))
  if (refused !== undefined) {
    throw new RangeError(
      `${refused} is not supported, got ${JSON.stringify(fields[refused])}; train the adapter without it`,
    )
  }
  if ((fields.bias ?? 'none') !== 'none') {
    throw new RangeError(`bias expected "none", got ${JSON.stringify(fields.bias)}`)
  }
  if (!initialisations.includes(fields.init_lora_weights)) {
    const came = JSON.stringify(fields.init_lora_weights)
    throw new RangeError(
      `init_lora_weights ${came} changes the base model; convert the adapter to plain LoRA when saving it`,
    )
  }
  const read = reader(fields)
  return checked({
    rank: read.number('r', 8),
    alpha: read.number('lora_alpha', 8),
    rslora: read.boolean('use_rslora'),
    dropout: read.number('lora_dropout', 0),
    targetModules: read.names('target_modules') ?? [],
    excludeModules: read.names('exclude_modules'),
    layersToTransform: read.layers('layers_to_transform'),
    layersPattern: read.names('layers_pattern'),
    rankPattern: read.numbers('rank_pattern'),
    alphaPattern: read.numbers('alpha_pattern'),
    fanInFanOut: read.boolean('fan_in_fan_out'),
    taskType: read.text('task_type'),
    baseModel: read.text('base_model_name_or_path'),
    revision: read.text('revision'),
    autoMapping: isRecord(fields.auto_mapping) ? fields.auto_mapping : null,
  })
}

function reader(fields: Readonly<Record<string, unknown>>) {
  const isNames = (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.every((name) => typeof name === 'string')
  const field = <T>(name: string, expected: string, is: (value: unknown) => value is T, otherwise: T): T => {
    const value = fields[name] ?? otherwise
    if (value === otherwise || is(value)) return value as T
    throw new TypeError(`${name} expected ${expected}, got ${JSON.stringify(value)}`)
  }
  const isText = (value: unknown): value is string => typeof value === 'string'
  return {
    number: (name: string, otherwise: number) =>
      field(name, 'a number', (v) => typeof v === 'number', otherwise),
    boolean: (name: string) => field(name, 'true or false', (v) => typeof v === 'boolean', false),
    text: (name: string) => field<string | null>(name, 'text', isText, null),
    names: (name: string) =>
      field<string | readonly string[] | null>(
        name,
        'text or a list of texts',
        (v) => isText(v) || isNames(v),
        null,
      ),
    layers: (name: string) => field<number | readonly number[] | null>(name, 'layer numbers', isLayers, null),
    numbers: (name: string) =>
      field<Readonly<Record<string, number>>>(name, 'numbers by name', isNumbers, {}),
  }
}

function isLayers(value: unknown): value is number | readonly number[] {
  return (Array.isArray(value) ? value : [value]).every((layer) => Number.isInteger(layer))
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'number')
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function parseObject(json: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new TypeError(`expected JSON, got text that is none: ${(cause as Error).message}`, { cause })
  }
  if (!isRecord(value)) throw new TypeError('expected a JSON object')
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sortedKeys(value: unknown): unknown {
  if (!isRecord(value)) return value
  const sorted = Object.entries(value).sort(([left], [right]) => compareBytes(left, right))
  return Object.fromEntries(sorted.map(([key, entry]) => [key, sortedKeys(entry)]))
}
