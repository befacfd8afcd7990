import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
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
