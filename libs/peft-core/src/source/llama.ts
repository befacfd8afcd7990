/**
 * Llama: rotary positions, RMS normalisation, gated feed-forward, fewer key/value heads than query heads.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/llama/modeling_llama.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { LlamaConfig } from './config.js'
import type { CausalInputs } from './gpt2.js'
import {
  activation,
  additiveMask,
  attention,
  embedding,
  type Layers,
  linear,
  mergeHeads,
  rmsNorm,
  splitHeads,
} from './layers.js'
import { rotaryAngles } from './rotary.js'

interface Rotary {
  readonly positions: Value // (1): the position of the first token
  readonly cosines: Value // (T, W / 2)
  readonly sines: Value // (T, W / 2)
}

/** Appends the model -> logits (N, V). */
export function llama(layers: Layers, config: LlamaConfig, inputs: CausalInputs): Value {
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
function masks(
  layers: Layers,
  { attentionMask }: CausalInputs,
): (window: number | null) => Value | undefined {
  const made = new Map<number, Value | undefined>()
  return (window) => {
    const width = Math.min(window ?? layers.batch.columns, layers.batch.columns)
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

function rotaryTables({ builder, batch }: Layers, config: LlamaConfig): Rotary {
  const angles = rotaryAngles(config.rope, config.headWidth, batch.columns)
  const shape = [batch.columns, config.headWidth / 2]
  return {
    positions: builder.constant([0], 'int64'),
    cosines: builder.constant(Array.from(angles, Math.cos), 'float32', shape),
    sines: builder.constant(Array.from(angles, Math.sin), 'float32', shape),
  }
}
