import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, rawTensor } from '@lorica/peft-core'

/** Writes a Llama of two layers below `root` and returns its folder. */
export async function writeModel(root: string, hidden = 8): Promise<string> {
  const inner = 2 * hidden
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: inner,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
    max_position_embeddings: 32,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    vocab_size: 32,
  }
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [32, hidden]],
    ['model.norm.weight', [hidden]],
  ]
  for (const layer of [0, 1]) {
    const prefix = `model.layers.${layer}`
    for (const name of ['q', 'k', 'v', 'o'])
      shapes.push([`${prefix}.self_attn.${name}_proj.weight`, [hidden, hidden]])
    for (const name of ['gate', 'up']) shapes.push([`${prefix}.mlp.${name}_proj.weight`, [inner, hidden]])
    shapes.push([`${prefix}.mlp.down_proj.weight`, [hidden, inner]])
    for (const name of ['input', 'post_attention'])
      shapes.push([`${prefix}.${name}_layernorm.weight`, [hidden]])
  }
  const tensors = shapes.map(([name, shape]) => {
    const count = shape.reduce((product, side) => product * side, 1)
    return [
      name,
      rawTensor({ shape, data: Float32Array.from({ length: count }, (_, index) => (index % 7) / 10) }),
    ] as const
  })
  const folder = await mkdtemp(join(root, 'model-'))
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(new Map(tensors)))
  return folder
}
