import { expect, test } from 'vitest'
import { adapterFiles, parseAdapter } from './adapter.js'
import { initialTensors } from './factors.js'
import { createLoraConfig } from './lora-config.js'
import { encodeSafetensors } from './safetensors-write.js'
import { rawTensor, type Tensor } from './tensor.js'

const spec = {
  method: 'lora',
  rank: 2,
  alpha: 3,
  targets: ['embed_tokens', 'lm_head'],
  rslora: false,
} as const
const config = createLoraConfig(spec)
const modules = [
  { path: 'model.embed_tokens', kind: 'embedding', inFeatures: 7, outFeatures: 4 },
  { path: 'lm_head', inFeatures: 4, outFeatures: 7 },
] as const
const adapter = { config, tensors: initialTensors(modules, config, 5) }
const copied = (path: string): string => `base_model.model.${path}.base_layer.weight`

/** The files as PEFT 0.21 writes them by default: the frozen weights lie beside the factors. */
function filesWith(copies: Readonly<Record<string, readonly number[]>>) {
  const more = Object.entries(copies).map(([key, shape]): [string, Tensor] => {
    const data = new Float32Array(shape.reduce((size, side) => size * side, 1)).fill(0.5)
    return [key, { shape, data }]
  })
  const raw = new Map([...adapter.tensors, ...more].map(([key, tensor]) => [key, rawTensor(tensor)]))
  return { ...adapterFiles(adapter), 'adapter_model.safetensors': encodeSafetensors(raw) }
}

test('frozen weights that PEFT stores beside the factors of embeddings and heads are left out', () => {
  const files = filesWith({ [copied('model.embed_tokens')]: [7, 4], [copied('lm_head')]: [7, 4] })
  expect(parseAdapter(files)).toEqual(adapter)
})

test('a frozen weight of other sides than its factors, or without factors, is refused', () => {
  expect(() => parseAdapter(filesWith({ [copied('model.embed_tokens')]: [9, 4] }))).toThrow(
    'expected the shape (7, 4) of its factors, got (9, 4)',
  )
  expect(() => parseAdapter(filesWith({ [copied('model.norm')]: [4, 4] }))).toThrow(
    '"base_model.model.model.norm.base_layer.weight" is a frozen weight of the base model',
  )
})
