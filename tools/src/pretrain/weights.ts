/**
 * The tensors of a small Llama, and how they start.
 * @module
 */
import {
  createRandom,
  encodeSafetensors,
  type Random,
  storedAs,
  type Tensor,
  type TensorMap,
} from '@lorica/peft-core'
import type { Recipe } from './recipe.js'

const START_STD_DEV = 0.02

/** config.json as transformers reads it. */
export function llamaConfig(recipe: Recipe, endOfTextId: number): Readonly<Record<string, unknown>> {
  return {
    architectures: ['LlamaForCausalLM'],
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: endOfTextId,
    eos_token_id: endOfTextId,
    head_dim: recipe.width / recipe.heads,
    hidden_act: 'silu',
    hidden_size: recipe.width,
    initializer_range: START_STD_DEV,
    intermediate_size: recipe.feedForward,
    max_position_embeddings: recipe.positions,
    mlp_bias: false,
    model_type: 'llama',
    num_attention_heads: recipe.heads,
    num_hidden_layers: recipe.layers,
    num_key_value_heads: recipe.keyValueHeads,
    rms_norm_eps: 1e-5,
    rope_theta: recipe.ropeTheta,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    use_cache: true,
    vocab_size: recipe.vocabulary,
  }
}

/** Normal weights of standard deviation 0.02, smaller where a layer adds to the residual stream (as GPT-2); scales of 1. */
export function startWeights(recipe: Recipe): TensorMap {
  const { width, feedForward, layers } = recipe
  const keyWidth = (width / recipe.heads) * recipe.keyValueHeads
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [recipe.vocabulary, width]],
    ['model.norm.weight', [width]],
  ])
  for (let layer = 0; layer < layers; layer++) {
    const path = `model.layers.${layer}`
    shapes.set(`${path}.input_layernorm.weight`, [width])
    shapes.set(`${path}.post_attention_layernorm.weight`, [width])
    shapes.set(`${path}.self_attn.q_proj.weight`, [width, width])
    shapes.set(`${path}.self_attn.k_proj.weight`, [keyWidth, width])
    shapes.set(`${path}.self_attn.v_proj.weight`, [keyWidth, width])
    shapes.set(`${path}.self_attn.o_proj.weight`, [width, width])
    shapes.set(`${path}.mlp.gate_proj.weight`, [feedForward, width])
    shapes.set(`${path}.mlp.up_proj.weight`, [feedForward, width])
    shapes.set(`${path}.mlp.down_proj.weight`, [width, feedForward])
  }
  return new Map([...shapes].map(([name, shape]) => [name, startTensor(name, shape, recipe)]))
}

function startTensor(name: string, shape: readonly number[], { layers, seed }: Recipe): Tensor {
  const size = shape.reduce((product, side) => product * side, 1)
  if (shape.length === 1) return { shape, data: new Float32Array(size).fill(1) }
  const addsToResidual = /(o_proj|down_proj)\.weight$/.test(name)
  const stdDev = addsToResidual ? START_STD_DEV / Math.sqrt(2 * layers) : START_STD_DEV
  const random = createRandom(seed, name)
  return { shape, data: Float32Array.from({ length: size }, () => stdDev * normal(random)) }
}

/** The tensors as a safetensors file of bfloat16. */
export function weightFile(tensors: TensorMap, element: 'float32' | 'bfloat16'): Uint8Array {
  return encodeSafetensors(new Map([...tensors].map(([name, tensor]) => [name, storedAs(tensor, element)])))
}

/** A standard normal number (Box and Muller). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()))
  return radius * Math.cos(2 * Math.PI * random.uniform())
}
