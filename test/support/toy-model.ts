import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, encodeSafetensors, type RawTensor, rawTensor } from '@lorica/peft-core'

const VOCABULARY = 1024
const WIDTH = 16
const LAYERS = 2

const innerOf = (width: number): number => 1.5 * width

export const toyConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: WIDTH,
  intermediate_size: innerOf(WIDTH),
  num_attention_heads: 2,
  num_key_value_heads: 1,
  num_hidden_layers: LAYERS,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  vocab_size: VOCABULARY,
  bos_token_id: 0,
  eos_token_id: 0,
} as const

const tokenizers = fileURLToPath(new URL('../../models/moby-dick', import.meta.url))

/** Writes a Llama of two layers with random weights and a real tokenizer: a Hugging Face folder of 90 kB. */
export async function writeToyModel(folder: string, seed = 7, width: number = WIDTH): Promise<string> {
  await mkdir(folder, { recursive: true })
  const config = { ...toyConfig, hidden_size: width, intermediate_size: innerOf(width) }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(weights(seed, width)))
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(tokenizers, name), join(folder, name))
  return folder
}

function weights(seed: number, width: number): ReadonlyMap<string, RawTensor> {
  const random = createRandom(seed, 'toy model')
  const scale = 1 / Math.sqrt(width)
  return new Map(
    shapes(width).map(([name, shape]) => {
      const isNorm = name.endsWith('norm.weight')
      const data = Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, () =>
        isNorm ? 1 : (random.uniform() - 0.5) * 2 * scale,
      )
      return [name, rawTensor({ shape, data })]
    }),
  )
}

function shapes(width: number): readonly (readonly [string, readonly number[]])[] {
  const half = width / 2 // one of two heads
  const inner = innerOf(width)
  return [
    ['model.embed_tokens.weight', [VOCABULARY, width]],
    ['model.norm.weight', [width]],
    ...Array.from({ length: LAYERS }, (_, index) => `model.layers.${index}`).flatMap(
      (path) =>
        [
          [`${path}.self_attn.q_proj.weight`, [width, width]],
          [`${path}.self_attn.k_proj.weight`, [half, width]],
          [`${path}.self_attn.v_proj.weight`, [half, width]],
          [`${path}.self_attn.o_proj.weight`, [width, width]],
          [`${path}.mlp.gate_proj.weight`, [inner, width]],
          [`${path}.mlp.up_proj.weight`, [inner, width]],
          [`${path}.mlp.down_proj.weight`, [width, inner]],
          [`${path}.input_layernorm.weight`, [width]],
          [`${path}.post_attention_layernorm.weight`, [width]],
        ] as const,
    ),
  ]
}
