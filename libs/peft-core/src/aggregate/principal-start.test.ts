import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import { principalStart } from './principal-start.js'

const model = fileURLToPath(new URL('../../golden/llama/model', import.meta.url)) // made by golden/make_golden.py
const spec = { method: 'lora', rank: 3, alpha: 6, targets: ['v_proj', 'down_proj'], rslora: false } as const

test('A lies along the factors that PiSSA starts from, each of length 1, and the adapter changes nothing', async () => {
  const [{ config, tensors }, pissa] = await Promise.all([
    principalStart(model, spec, 5),
    createAdapter(model, { ...spec, start: 'pissa' }, 5),
  ])
  expect(config).toEqual((await createAdapter(model, spec, 5)).config)
  for (const [name, { shape, data }] of tensors) {
    if (name.includes('.lora_B.')) {
      expect(data.every((value) => value === 0)).toBe(true)
      continue
    }
    const [rank, width] = shape as [number, number]
    expect(rank).toBe(3)
    for (let row = 0; row < rank; row++) {
      const rowOf = (of: Float32Array) => [...of.subarray(row * width, (row + 1) * width)]
      const [own, leading] = [rowOf(data), rowOf(pissa.tensors.get(name)!.data)]
      expect(Math.hypot(...own)).toBeCloseTo(1, 5)
      const along = own.reduce((sum, value, at) => sum + value * leading[at]!, 0) / Math.hypot(...leading)
      expect(Math.abs(along)).toBeCloseTo(1, 5)
    }
  }
})

test('another method is refused', async () => {
  await expect(principalStart(model, { method: 'ia3', targets: 'all-linear' } as never, 5)).rejects.toThrow(
    'expected lora',
  )
})
