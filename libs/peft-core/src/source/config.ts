/**
 * config.json of the model families that are built straight from a Hugging Face folder.
 * @module
 */
import type { Rope } from './rotary.js'

export interface Gpt2Config {
  readonly family: 'gpt2'
  readonly layers: number
  readonly heads: number
  readonly layerNormEpsilon: number
  readonly activation: string
  readonly scaleAttention: boolean
}

export interface LlamaConfig {
  readonly family: 'llama'
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly positions: number
  readonly rmsNormEpsilon: number
  readonly activation: string
  readonly rope: Rope
  /** For each layer, how many tokens its attention sees, the token itself included; null is all before it. */
  readonly windows: readonly (number | null)[]
  readonly tieWordEmbeddings: boolean
}

export interface BertConfig {
  readonly family: 'bert'
  readonly layers: number
  readonly heads: number
  readonly layerNormEpsilon: number
  readonly activation: string
  readonly head: 'classifier' | 'masked-words'
  readonly tieWordEmbeddings: boolean
}

export type ModelConfig = Gpt2Config | LlamaConfig | BertConfig

type Fields = Readonly<Record<string, unknown>>

/** Reads a decoded config.json. RangeError names the field that is missing, or asks for what is not built yet. */
export function parseModelConfig(raw: unknown): ModelConfig {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new RangeError('config.json expected an object')
  }
  const fields = raw as Fields
  switch (fields.model_type) {
    case 'gpt2':
      return gpt2Config(fields)
    case 'llama':
    case 'mistral':
    case 'qwen2':
      return llamaConfig(fields)
    case 'bert':
      return bertConfig(fields)
    default:
      throw new RangeError(
        `model_type ${JSON.stringify(fields.model_type)} is not supported; expected gpt2, llama, mistral, qwen2 or bert`,
      )
  }
}

function gpt2Config(fields: Fields): Gpt2Config {
  expectLanguageModel(fields)
  refuse(fields, 'add_cross_attention', true)
  refuse(fields, 'scale_attn_by_inverse_layer_idx', true)
  return {
    family: 'gpt2',
    layers: count(fields, 'n_layer'),
    heads: count(fields, 'n_head'),
    layerNormEpsilon: number(fields, 'layer_norm_epsilon', 1e-5),
    activation: text(fields, 'activation_function', 'gelu_new'),
    scaleAttention: flag(fields, 'scale_attn_weights', true),
  }
}

/** Llama, and the families that differ from it in what this reads: Qwen 2 has biases, and both may look back less far. */
function llamaConfig(fields: Fields): LlamaConfig {
  expectLanguageModel(fields)
  const heads = count(fields, 'num_attention_heads')
  const keyValueHeads = fields.num_key_value_heads == null ? heads : count(fields, 'num_key_value_heads')
  if (heads % keyValueHeads !== 0) {
    throw new RangeError(
      `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`,
    )
  }
  const positions = fields.max_position_embeddings == null ? 2048 : count(fields, 'max_position_embeddings')
  const layers = count(fields, 'num_hidden_layers')
  return {
    family: 'llama',
    layers,
    heads,
    keyValueHeads,
    headWidth: fields.head_dim == null ? headWidth(fields, heads) : count(fields, 'head_dim'),
    positions,
    rmsNormEpsilon: number(fields, 'rms_norm_eps', 1e-6),
    activation: text(fields, 'hidden_act', 'silu'),
    rope: ropeOf(fields),
    windows: windowsOf(fields, layers),
    tieWordEmbeddings: flag(fields, 'tie_word_embeddings', false),
  }
}

/** Every layer of Mistral has the window, and of Qwen 2, where it is used at all, those from `max_window_layers` on. */
function windowsOf(fields: Fields, layers: number): readonly (number | null)[] {
  const isMistral = fields.model_type === 'mistral'
  const isUsed = isMistral || (fields.model_type === 'qwen2' && fields.use_sliding_window === true)
  if (!isUsed || fields.sliding_window === null) return new Array<null>(layers).fill(null)
  const window = fields.sliding_window === undefined ? 4096 : count(fields, 'sliding_window')
  const first = isMistral ? 0 : number(fields, 'max_window_layers', 28)
  const kinds = !isMistral && Array.isArray(fields.layer_types) ? fields.layer_types : []
  return Array.from({ length: layers }, (_, layer) => {
    const isWindowed = kinds[layer] === undefined ? layer >= first : kinds[layer] === 'sliding_attention'
    return isWindowed ? window : null
  })
}

function headWidth(fields: Fields, heads: number): number {
  const width = count(fields, 'hidden_size')
  if (width % heads === 0) return width / heads
  throw new RangeError(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`)
}

function bertConfig(fields: Fields): BertConfig {
  const architectures = Array.isArray(fields.architectures) ? fields.architectures : []
  const head = bertHeads.find(([name]) => architectures.includes(name))?.[1]
  if (head === undefined) {
    const known = bertHeads.map(([name]) => name).join(', ')
    throw new RangeError(
      `architectures expected one of ${known}, got ${JSON.stringify(fields.architectures)}`,
    )
  }
  refuse(fields, 'is_decoder', true)
  if (head === 'classifier') expectClasses(fields)
  const positions = text(fields, 'position_embedding_type', 'absolute')
  if (positions !== 'absolute')
    throw new RangeError(`position_embedding_type "${positions}" is not supported; expected absolute`)
  return {
    family: 'bert',
    layers: count(fields, 'num_hidden_layers'),
    heads: count(fields, 'num_attention_heads'),
    layerNormEpsilon: number(fields, 'layer_norm_eps', 1e-12),
    activation: text(fields, 'hidden_act', 'gelu'),
    head,
    tieWordEmbeddings: flag(fields, 'tie_word_embeddings', true),
  }
}

/** The loss is the cross-entropy of one class of several; transformers takes another for other problems. */
function expectClasses(fields: Fields): void {
  refuse(fields, 'problem_type', 'regression')
  refuse(fields, 'problem_type', 'multi_label_classification')
  const labels = (fields.id2label ?? null) as Fields | null
  if (fields.num_labels === 1 || (labels !== null && Object.keys(labels).length === 1))
    throw new RangeError('num_labels 1 is a regression, which is not supported; expected 2 classes or more')
}

const bertHeads: readonly (readonly [string, BertConfig['head']])[] = [
  ['BertForSequenceClassification', 'classifier'],
  ['BertForMaskedLM', 'masked-words'],
]

/** Rotary settings, in the form of transformers 5 (`rope_parameters`) or before (`rope_theta`, `rope_scaling`). */
function ropeOf(fields: Fields): Rope {
  const settings = (fields.rope_parameters ?? fields.rope_scaling ?? {}) as Fields
  const theta = number(settings, 'rope_theta', number(fields, 'rope_theta', 10_000))
  const kind = text(settings, 'rope_type', text(settings, 'type', 'default'))
  switch (kind) {
    case 'default':
      return { kind, theta }
    case 'linear':
      return { kind, theta, factor: number(settings, 'factor') }
    case 'llama3':
      return {
        kind,
        theta,
        factor: number(settings, 'factor'),
        lowFrequencyFactor: number(settings, 'low_freq_factor'),
        highFrequencyFactor: number(settings, 'high_freq_factor'),
        originalPositions: number(settings, 'original_max_position_embeddings'),
      }
    default:
      throw new RangeError(`rope_type "${kind}" is not supported; expected default, linear or llama3`)
  }
}

/** A checkpoint with another head than the next token's has no use for one: its own would be left out. */
function expectLanguageModel(fields: Fields): void {
  const architectures: readonly unknown[] = Array.isArray(fields.architectures) ? fields.architectures : []
  const other = architectures.find((name) =>
    /For(Sequence|Token)Classification$|ForQuestionAnswering$/.test(String(name)),
  )
  if (other !== undefined)
    throw new RangeError(
      `architectures ${JSON.stringify(other)} is not supported; expected a causal language model`,
    )
}

function refuse(fields: Fields, name: string, value: unknown): void {
  if (fields[name] === value) throw new RangeError(`${name} ${JSON.stringify(value)} is not supported`)
}

function number(fields: Fields, name: string, otherwise?: number): number {
  const value = fields[name] ?? otherwise
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new RangeError(`${name} expected a number, got ${JSON.stringify(value)}`)
}

function count(fields: Fields, name: string): number {
  const value = number(fields, name)
  if (Number.isInteger(value) && value > 0) return value
  throw new RangeError(`${name} expected a whole number above 0, got ${value}`)
}

function text(fields: Fields, name: string, otherwise: string): string {
  const value = fields[name] ?? otherwise
  if (typeof value === 'string') return value
  throw new RangeError(`${name} expected a text, got ${JSON.stringify(value)}`)
}

function flag(fields: Fields, name: string, otherwise: boolean): boolean {
  const value = fields[name] ?? otherwise
  if (typeof value === 'boolean') return value
  throw new RangeError(`${name} expected true or false, got ${JSON.stringify(value)}`)
}
