/**
 * Llama: rotary positions, RMS normalisation, gated feed-forward, fewer key/value heads than query heads.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/llama/modeling_llama.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { countOf, expectLanguageModel, type Fields, flagOf, numberOf, textOf } from './fields.js'
import {
  activation,
  additiveMask,
  attention,
  embedding,
  type Layers,
  linear,
  mergeHeads,
  reachOf,
  rmsNorm,
  splitHeads,
} from './layers.js'
import { type Rope, ropeOf, rotaryAngles } from './rotary.js'

export interface LlamaConfig {
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

export const llamaFamily: Family = (fields) => {
  const config = llamaConfig(fields)
  return {
    prefix: 'model.',
    task: 'causal',
    outputLayer: 'lm_head',
    hasTokenTypes: false,
    positions: () => config.positions,
    forward: (layers, inputs) => llama(layers, config, inputs),
  }
}

/** Llama, and the families that differ from it in what this reads: Qwen 2 has biases, and both may look back less far. */
export function llamaConfig(fields: Fields): LlamaConfig {
  expectLanguageModel(fields)
  const heads = countOf(fields, 'num_attention_heads')
  const keyValueHeads = fields.num_key_value_heads == null ? heads : countOf(fields, 'num_key_value_heads')
  if (heads % keyValueHeads !== 0) {
    throw new RangeError(
      `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`,
    )
  }
  const positions = fields.max_position_embeddings == null ? 2048 : countOf(fields, 'max_position_embeddings')
  const layers = countOf(fields, 'num_hidden_layers')
  return {
    layers,
    heads,
    keyValueHeads,
    headWidth: fields.head_dim == null ? headWidth(fields, heads) : countOf(fields, 'head_dim'),
    positions,
    rmsNormEpsilon: numberOf(fields, 'rms_norm_eps', 1e-6),
    activation: textOf(fields, 'hidden_act', 'silu'),
    rope: ropeOf(fields),
    windows: windowsOf(fields, layers),
    tieWordEmbeddings: flagOf(fields, 'tie_word_embeddings', false),
  }
}

/** Every layer of Mistral has the window, and of Qwen 2, where it is used at all, those from `max_window_layers` on. */
function windowsOf(fields: Fields, layers: number): readonly (number | null)[] {
  const isMistral = fields.model_type === 'mistral'
  const isUsed = isMistral || (fields.model_type === 'qwen2' && fields.use_sliding_window === true)
  if (!isUsed || fields.sliding_window === null) return new Array<null>(layers).fill(null)
  const window = fields.sliding_window === undefined ? 4096 : countOf(fields, 'sliding_window')
  const first = isMistral ? 0 : numberOf(fields, 'max_window_layers', 28)
  const kinds = !isMistral && Array.isArray(fields.layer_types) ? fields.layer_types : []
  return Array.from({ length: layers }, (_, layer) => {
    const isWindowed = kinds[layer] === undefined ? layer >= first : kinds[layer] === 'sliding_attention'
    return isWindowed ? window : null
  })
}

function headWidth(fields: Fields, heads: number): number {
  const width = countOf(fields, 'hidden_size')
  if (width % heads === 0) return width / heads
  throw new RangeError(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`)
}

interface Rotary {
  readonly positions: Value // (1): the position of the first token
  readonly cosines: Value // (T, W / 2)
  readonly sines: Value // (T, W / 2)
}

/** Appends the model -> logits (N, V). */
export function llama(layers: Layers, config: LlamaConfig, inputs: ModelInputs): Value {
  const { builder, weights, batch } = layers
  if (batch.columns > config.positions) {
    throw new RangeError(
      `the model knows ${config.positions} positions; a sequence of ${batch.columns} tokens does not fit`,
    )
  }
  const maskFor = masks(layers, inputs)
  const rotary = rotaryTables(layers, config)
  const start = embedding(layers, 'model.embed_tokens', inputs.inputIds) // (N, D)
  const last = Array.from({ length: config.layers }, (_, index) => `model.layers.${index}`).reduce(
    (hidden, path, index) =>
      block(layers, config, { path, hidden, mask: maskFor(config.windows[index] ?? null), rotary }),
    start,
  )
  const hidden = rmsNorm(layers, 'model.norm', last, config.rmsNormEpsilon)
  const head = weights.get(config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight')
  return builder.op('Gemm', [hidden, head], {
    attributes: { transB: int(1) },
    module: 'lm_head',
    name: 'lm_head',
  })
}

/** One mask for each width of window; one that holds the whole sequence is none. */
function masks(layers: Layers, { attentionMask }: ModelInputs): (window: number | null) => Value | undefined {
  const made = new Map<number, Value | undefined>()
  return (window) => {
    const width = Math.min(window ?? reachOf(layers), reachOf(layers))
    if (!made.has(width))
      made.set(width, additiveMask(layers, { attentionMask, causal: true, window: width }))
    return made.get(width)
  }
}

interface Block {
  readonly path: string
  readonly hidden: Value
  readonly mask: Value | undefined
  readonly rotary: Rotary
}

function block(layers: Layers, config: LlamaConfig, { path, hidden, mask, rotary }: Block): Value {
  const { builder } = layers
  const normed = rmsNorm(layers, `${path}.input_layernorm`, hidden, config.rmsNormEpsilon)
  const heads = (name: string, count: number): Value =>
    splitHeads(layers, linear(layers, `${path}.self_attn.${name}`, normed), count)
  const query = rotate(layers, heads('q_proj', config.heads), rotary)
  const key = rotate(layers, heads('k_proj', config.keyValueHeads), rotary)
  const value = heads('v_proj', config.keyValueHeads)
  const attended = attention(layers, { query, key, value, mask, scale: 1 / Math.sqrt(config.headWidth) })
  const projected = linear(layers, `${path}.self_attn.o_proj`, mergeHeads(layers, attended))
  const middle = builder.op('Add', [hidden, projected])
  const second = rmsNorm(layers, `${path}.post_attention_layernorm`, middle, config.rmsNormEpsilon)
  const gate = activation(layers, config.activation, linear(layers, `${path}.mlp.gate_proj`, second))
  const gated = builder.op('Mul', [gate, linear(layers, `${path}.mlp.up_proj`, second)])
  return builder.op('Add', [middle, linear(layers, `${path}.mlp.down_proj`, gated)])
}

function rotate({ builder }: Layers, x: Value, { positions, cosines, sines }: Rotary): Value {
  return builder.op('RotaryEmbedding', [x, positions, cosines, sines], { domain: 'com.microsoft' })
}

function rotaryTables(layers: Layers, config: LlamaConfig): Rotary {
  const { builder, cache } = layers
  const reach = reachOf(layers)
  const angles = rotaryAngles(config.rope, config.headWidth, reach)
  const shape = [reach, config.headWidth / 2]
  return {
    positions: cache?.length ?? builder.constant([0], 'int64'),
    cosines: builder.constant(Array.from(angles, Math.cos), 'float32', shape),
    sines: builder.constant(Array.from(angles, Math.sin), 'float32', shape),
  }
}
