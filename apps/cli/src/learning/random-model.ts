import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, type RawTensor } from '@lorica/peft-core'

export interface Gpt2Shape {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly vocabulary: number
  readonly sequence: number
}

/** Writes a Hugging Face folder of a GPT-2 shape with random weights; it has no tokenizer. */
export async function writeRandomGpt2(folder: string, shape: Gpt2Shape): Promise<void> {
  const { layers, width, heads, vocabulary, sequence } = shape
  const config = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    n_layer: layers,
    n_embd: width,
    n_head: heads,
    n_positions: sequence,
    vocab_size: vocabulary,
    activation_function: 'gelu_new',
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  const file = await open(join(folder, 'model.safetensors'), 'w')
  try {
    await file.writeFile(
      encodeSafetensors(
        new Map([...tensorShapes(shape)].map(([name, size]) => [name, randomTensor(name, size)])),
      ),
    )
  } finally {
    await file.close()
  }
}

function tensorShapes({
  layers,
  width,
  vocabulary,
  sequence,
}: Gpt2Shape): ReadonlyMap<string, readonly number[]> {
  const layer = (path: string): readonly (readonly [string, readonly number[]])[] => [
    ...['ln_1.weight', 'ln_1.bias', 'ln_2.weight', 'ln_2.bias', 'attn.c_proj.bias', 'mlp.c_proj.bias'].map(
      (name) => [`${path}.${name}`, [width]] as const,
    ),
    [`${path}.attn.c_attn.weight`, [width, 3 * width]],
    [`${path}.attn.c_attn.bias`, [3 * width]],
    [`${path}.attn.c_proj.weight`, [width, width]],
    [`${path}.mlp.c_fc.weight`, [width, 4 * width]],
    [`${path}.mlp.c_fc.bias`, [4 * width]],
    [`${path}.mlp.c_proj.weight`, [4 * width, width]],
  ]
  return new Map([
    ['transformer.wte.weight', [vocabulary, width]],
    ['transformer.wpe.weight', [sequence, width]],
    ...Array.from({ length: layers }, (_, index) => layer(`transformer.h.${index}`)).flat(),
    ['transformer.ln_f.weight', [width]],
    ['transformer.ln_f.bias', [width]],
  ])
}

/** Uniform with standard deviation 0.02; scales of normalisations are 1. */
function randomTensor(name: string, shape: readonly number[]): RawTensor {
  const size = shape.reduce((product, side) => product * side, 1)
  const data = new Float32Array(size)
  let state = size
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[index] = /ln_\w\.weight$/.test(name) ? 1 : (state / 2 ** 32 - 0.5) * 0.0693
  }
  return { element: 'float32', shape, bytes: new Uint8Array(data.buffer) }
}
