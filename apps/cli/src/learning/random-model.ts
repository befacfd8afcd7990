import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storedAs, writeSafetensors } from '@lorica/peft-core'

/** A transformer to measure: its family, and its sizes in the words of the command line. */
export interface RandomModel {
  readonly family: 'gpt2' | 'qwen2' | 'bert'
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly feedForward: number
  readonly vocabulary: number
  readonly positions: number
  readonly element: 'float32' | 'bfloat16'
  /** Of the weights; 0.02 unless stated. */
  readonly standardDeviation?: number
}

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[]

/** Writes a Hugging Face folder of a shape with random weights, one tensor at a time; it has no tokenizer. */
export async function writeRandomModel(folder: string, model: RandomModel): Promise<void> {
  await writeFile(join(folder, 'config.json'), JSON.stringify(configs[model.family](model)))
  const { element, standardDeviation = 0.02 } = model
  const shapes = new Map(tensorShapes[model.family](model))
  const types = new Map([...shapes].map(([name, shape]) => [name, { element, shape }]))
  await writeSafetensors(join(folder, 'model.safetensors'), types, async (name) => {
    const shape = shapes.get(name) ?? []
    return storedAs({ shape, data: randomNumbers(name, shape, standardDeviation) }, element).bytes
  })
}

const configs: Readonly<Record<RandomModel['family'], (model: RandomModel) => object>> = {
  gpt2: (model) => ({
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    n_layer: model.layers,
    n_embd: model.width,
    n_head: model.heads,
    n_positions: model.positions,
    vocab_size: model.vocabulary,
    activation_function: 'gelu_new',
  }),
  qwen2: (model) => ({
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    ...commonConfig(model),
    num_key_value_heads: model.keyValueHeads,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    torch_dtype: model.element,
  }),
  bert: (model) => ({
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    ...commonConfig(model),
    type_vocab_size: 2,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-12,
    tie_word_embeddings: true,
  }),
}

const commonConfig = ({ layers, width, heads, feedForward, vocabulary, positions }: RandomModel): object => ({
  num_hidden_layers: layers,
  hidden_size: width,
  num_attention_heads: heads,
  intermediate_size: feedForward,
  vocab_size: vocabulary,
  max_position_embeddings: positions,
})

const tensorShapes: Readonly<Record<RandomModel['family'], (model: RandomModel) => Shapes>> = {
  gpt2: (model) => {
    const { width, feedForward } = model
    return [
      ['transformer.wte.weight', [model.vocabulary, width]],
      ['transformer.wpe.weight', [model.positions, width]],
      ...ofLayers(model, 'transformer.h', (path) => [
        ...norm(`${path}.ln_1`, width),
        ...linear(`${path}.attn.c_attn`, [width, 3 * width], 3 * width),
        ...linear(`${path}.attn.c_proj`, [width, width], width),
        ...norm(`${path}.ln_2`, width),
        ...linear(`${path}.mlp.c_fc`, [width, feedForward], feedForward),
        ...linear(`${path}.mlp.c_proj`, [feedForward, width], width),
      ]),
      ...norm('transformer.ln_f', width),
    ]
  },
  qwen2: (model) => {
    const { width, feedForward, heads, keyValueHeads } = model
    const narrow = (width / heads) * keyValueHeads
    return [
      ['model.embed_tokens.weight', [model.vocabulary, width]],
      ...ofLayers(model, 'model.layers', (path) => [
        [`${path}.input_layernorm.weight`, [width]],
        ...linear(`${path}.self_attn.q_proj`, [width, width], width),
        ...linear(`${path}.self_attn.k_proj`, [narrow, width], narrow),
        ...linear(`${path}.self_attn.v_proj`, [narrow, width], narrow),
        [`${path}.self_attn.o_proj.weight`, [width, width]],
        [`${path}.post_attention_layernorm.weight`, [width]],
        [`${path}.mlp.gate_proj.weight`, [feedForward, width]],
        [`${path}.mlp.up_proj.weight`, [feedForward, width]],
        [`${path}.mlp.down_proj.weight`, [width, feedForward]],
      ]),
      ['model.norm.weight', [width]],
    ]
  },
  bert: (model) => {
    const { width, feedForward } = model
    const square = (path: string): Shapes => linear(path, [width, width], width)
    return [
      ['bert.embeddings.word_embeddings.weight', [model.vocabulary, width]],
      ['bert.embeddings.position_embeddings.weight', [model.positions, width]],
      ['bert.embeddings.token_type_embeddings.weight', [2, width]],
      ...norm('bert.embeddings.LayerNorm', width),
      ...ofLayers(model, 'bert.encoder.layer', (path) => [
        ...['query', 'key', 'value'].flatMap((name) => square(`${path}.attention.self.${name}`)),
        ...square(`${path}.attention.output.dense`),
        ...norm(`${path}.attention.output.LayerNorm`, width),
        ...linear(`${path}.intermediate.dense`, [feedForward, width], feedForward),
        ...linear(`${path}.output.dense`, [width, feedForward], width),
        ...norm(`${path}.output.LayerNorm`, width),
      ]),
      ...square('cls.predictions.transform.dense'),
      ...norm('cls.predictions.transform.LayerNorm', width),
      ['cls.predictions.bias', [model.vocabulary]],
    ]
  },
}

const ofLayers = ({ layers }: RandomModel, path: string, shapes: (path: string) => Shapes): Shapes =>
  Array.from({ length: layers }, (_, index) => shapes(`${path}.${index}`)).flat()

const linear = (path: string, weight: readonly number[], outputs: number): Shapes => [
  [`${path}.weight`, weight],
  [`${path}.bias`, [outputs]],
]

const norm = (path: string, width: number): Shapes => [
  [`${path}.weight`, [width]],
  [`${path}.bias`, [width]],
]

/** Uniform; scales of normalisations are 1. */
function randomNumbers(name: string, shape: readonly number[], standardDeviation: number): Float32Array {
  const size = shape.reduce((product, side) => product * side, 1)
  const data = new Float32Array(size)
  const range = Math.sqrt(12) * standardDeviation
  let state = size
  const isScale = shape.length === 1 && name.endsWith('.weight')
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[index] = isScale ? 1 : (state / 2 ** 32 - 0.5) * range
  }
  return data
}
