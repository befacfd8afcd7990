import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, encodeSafetensors, type RawTensor, rawTensor } from '@lorica/peft-core'

const VOCABULARY = 1024
const WIDTH = 16
const INNER = 24
const LAYERS = 2

export const toyConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: WIDTH,
  intermediate_size: INNER,
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
export async function writeToyModel(folder: string, seed = 7): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'config.json'), JSON.stringify(toyConfig))
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(weights(seed)))
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(tokenizers, name), join(folder, name))
  return folder
}

function weights(seed: number): ReadonlyMap<string, RawTensor> {
  const random = createRandom(seed, 'toy model')
  const scale = 1 / Math.sqrt(WIDTH)
  return new Map(
    shapes().map(([name, shape]) => {
      const isNorm = name.endsWith('norm.weight')
      const data = Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, () =>
        isNorm ? 1 : (random.uniform() - 0.5) * 2 * scale,
      )
      return [name, rawTensor({ shape, data })]
    }),
  )
}

function shapes(): readonly (readonly [string, readonly number[]])[] {
  const half = WIDTH / 2 // one of two heads
  return [
    ['model.embed_tokens.weight', [VOCABULARY, WIDTH]],
    ['model.norm.weight', [WIDTH]],
    ...Array.from({ length: LAYERS }, (_, index) => `model.layers.${index}`).flatMap(
      (path) =>
        [
          [`${path}.self_attn.q_proj.weight`, [WIDTH, WIDTH]],
          [`${path}.self_attn.k_proj.weight`, [half, WIDTH]],
          [`${path}.self_attn.v_proj.weight`, [half, WIDTH]],
          [`${path}.self_attn.o_proj.weight`, [WIDTH, WIDTH]],
          [`${path}.mlp.gate_proj.weight`, [INNER, WIDTH]],
          [`${path}.mlp.up_proj.weight`, [INNER, WIDTH]],
          [`${path}.mlp.down_proj.weight`, [WIDTH, INNER]],
          [`${path}.input_layernorm.weight`, [WIDTH]],
          [`${path}.post_attention_layernorm.weight`, [WIDTH]],
        ] as const,
    ),
  ]
}
