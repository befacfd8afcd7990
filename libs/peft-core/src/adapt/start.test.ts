import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { PeftSpec } from '../adapter/peft-config.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { floatTensor } from '../adapter/values.js'
import { createAdapter } from './start.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

const spec = { method: 'lora', rank: 3, alpha: 5, targets: 'all-linear', rslora: false } as const

describe('a fresh adapter', () => {
  test.each([
    ['llama', { taskType: 'CAUSAL_LM', fanInFanOut: false }, 14],
    ['gpt2', { taskType: 'CAUSAL_LM', fanInFanOut: true }, 8],
    ['bert', { taskType: null, fanInFanOut: false }, 13], // SEQ_CLS would make PEFT look for a trained classifier
  ])('of %s loads in PEFT', async (name, config, modules) => {
    const adapter = await createAdapter(join(golden, name, 'model'), spec, 4)
    expect(adapter.config).toMatchObject(config)
    expect(adapter.tensors.size).toBe(2 * modules)
  })
})

describe('an adapter of more than linear layers', () => {
  const model = (name: string): string => join(golden, name, 'model')

  test('has factors of a table that starts from zero, and modules as the base has them', async () => {
    const more = { targets: ['wte', 'c_attn'], modulesToSave: ['ln_f'], loraBias: false }
    const { config, tensors } = await createAdapter(model('gpt2'), { ...spec, ...more }, 4)
    expect(config).toMatchObject({ taskType: 'CAUSAL_LM', modulesToSave: ['ln_f'] })
    const a = tensors.get('base_model.model.transformer.wte.lora_embedding_A')
    const b = tensors.get('base_model.model.transformer.wte.lora_embedding_B')
    expect([a?.shape, b?.shape]).toEqual([
      [3, 320],
      [48, 3],
    ])
    expect(a?.data.every((value) => value === 0)).toBe(true)
    const variance = (b?.data ?? new Float32Array()).reduce((sum, value) => sum + value * value, 0) / 144
    expect(variance).toBeGreaterThan(0.6)
    expect(variance).toBeLessThan(1.5)
    expect(tensors.get('base_model.model.transformer.ln_f.weight')?.shape).toEqual([48])
    expect(tensors.size).toBe(2 + 2 * 2 + 2)
  })

  test('of a classifier brings the classifier along, as PEFT expects of SEQ_CLS', async () => {
    const more = { targets: ['query'], modulesToSave: ['classifier'] }
    const { config, tensors } = await createAdapter(model('bert'), { ...spec, ...more }, 4)
    expect(config).toMatchObject({ taskType: 'SEQ_CLS', modulesToSave: ['classifier', 'score'] })
    expect(tensors.get('base_model.model.classifier.weight')?.shape).toEqual([5, 48])
  })

  test.each([
    ['bert', { method: 'ia3', targets: ['key'] }, 'SEQ_CLS', 'base_model.model.classifier.weight', 5],
    ['bert', { method: 'prompt', virtualTokens: 2 }, 'SEQ_CLS', 'base_model.classifier.weight', 5],
    ['roberta-token', { method: 'prompt', virtualTokens: 2 }, 'TOKEN_CLS', 'base_model.classifier.weight', 5],
  ] as const)(
    'of %s by another method than LoRA brings it, too: %o',
    async (name, method, taskType, key, classes) => {
      const wanted = { ...method, modulesToSave: ['classifier'] } as PeftSpec
      const { config, tensors } = await createAdapter(model(name), wanted, 4)
      expect(config).toMatchObject({ taskType, modulesToSave: ['classifier', 'score'] })
      expect(tensors.get(key)?.shape).toEqual([classes, 48])
      const stored = await readSafetensors(join(model(name), 'model.safetensors'))
      const classifier = stored.get('classifier.weight')
      expect(classifier && floatTensor(classifier).data).toEqual(tensors.get(key)?.data)
    },
  )

  test('has factors for all experts in the order of PEFT', async () => {
    const more = { targets: [], targetParameters: ['mlp.experts.down_proj', 'mlp.experts.gate_up_proj'] }
    const { tensors } = await createAdapter(model('mixtral-experts'), { ...spec, ...more }, 4)
    const shapes = [...tensors].filter(([key]) => key.includes('layers.1.'))
    expect(Object.fromEntries(shapes.map(([key, { shape }]) => [key.slice(36), shape]))).toEqual({
      'experts.base_layer.lora_A.weight': [12, 48],
      'experts.base_layer.lora_B.weight': [224, 12],
      'experts.lora_A.weight': [12, 112],
      'experts.lora_B.weight': [48, 12],
    })
  })

  test('has factors of the ranks and in the layers that are asked for', async () => {
    const more = {
      targets: 'all-linear',
      layersToTransform: [1],
      excludeModules: ['mlp.down_proj', 'o_proj'],
      rankPattern: { v_proj: 5 },
    } as const
    const { config, tensors } = await createAdapter(model('llama'), { ...spec, ...more }, 4)
    expect(config).toMatchObject({ layersToTransform: [1], rankPattern: { v_proj: 5 } })
    const ranks = [...tensors].filter(([key]) => key.includes('lora_A'))
    expect(Object.fromEntries(ranks.map(([key, { shape }]) => [key.slice(17, -14), shape[0]]))).toEqual({
      'model.layers.1.self_attn.q_proj': spec.rank,
      'model.layers.1.self_attn.k_proj': spec.rank,
      'model.layers.1.self_attn.v_proj': 5,
      'model.layers.1.mlp.gate_proj': spec.rank,
      'model.layers.1.mlp.up_proj': spec.rank,
    })
  })

  test('starts as the base when it starts from the weights', async () => {
    for (const start of ['pissa', 'olora'] as const) {
      const { config, tensors } = await createAdapter(
        model('llama'),
        { ...spec, targets: ['q_proj'], start },
        4,
      )
      expect(config).toMatchObject({ start })
      const b = tensors.get('base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight')
      expect(b?.data.some((value) => value !== 0)).toBe(true)
    }
  })

  test.each([
    [{ targets: ['q_proj', 'c_attn'] }, 'target_modules c_attn match no module that can be adapted'],
    [
      { targets: ['q_proj'], rank: 49 },
      'rank 49 is larger than the layer "model.layers.0.self_attn.q_proj" (48, 48)',
    ],
    [
      { targets: ['q_proj'], modulesToSave: ['score'] },
      'modules_to_save score match no module; the model has',
    ],
    [
      { targets: ['q_proj'], layersToTransform: [1, 9] },
      'layers_to_transform 9 match no module that can be adapted',
    ],
    [
      { targets: ['q_proj'], rankPattern: { q_proj: 3, k_proj: 2 }, alphaPattern: { o_proj: 5 } },
      'rank_pattern and alpha_pattern k_proj, o_proj match no module that can be adapted',
    ],
    [
      { targets: ['q_proj'], targetParameters: ['experts.up'] },
      'match no parameter; the model has no stacked parameters',
    ],
  ])('that cannot be made is refused: %o', async (more, message) => {
    await expect(createAdapter(model('llama'), { ...spec, ...more }, 4)).rejects.toThrow(message)
  })
})
