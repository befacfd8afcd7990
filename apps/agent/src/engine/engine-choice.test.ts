import { expect, test } from 'vitest'
import { parseConfig } from '../config.js'
import { describeDevice, tryEngine } from './engine-choice.js'

test('what trains is chosen on the command line, and nothing else is used when it is not known', () => {
  const args = ['start', '--device', 'webgpu', '--allow-software-gpu']
  expect(parseConfig(args).engine).toEqual({ runtime: 'ort', device: 'webgpu', allowSoftwareGpu: true })
  expect(parseConfig(['start', '--runtime', 'tfjs']).engine).toMatchObject({ runtime: 'tfjs', device: 'cpu' })
  expect(parseConfig(['start']).engine).toBeUndefined()
  expect(() => parseConfig(['start', '--device', 'tpu'])).toThrow('--device "tpu"')
})

test('an agent names its device and what computes', () => {
  const choice = { runtime: 'ort', device: 'dml' } as const
  const device = describeDevice({ choice, library: 'onnxruntime-node 1.30.0', threads: 3 })
  expect(device).toMatchObject({ kind: 'directml', name: 'onnxruntime-node 1.30.0', threads: 3 })
  const plain = describeDevice({ choice: undefined, library: undefined, threads: undefined })
  expect(plain.kind).toBe('cpu')
  expect(plain).not.toHaveProperty('name')
})

test('a choice that this machine cannot use is refused with the reason', async () => {
  const absent = process.platform === 'darwin' ? 'dml' : 'coreml'
  const choice = { runtime: 'ort', device: absent, allowSoftwareGpu: false } as const
  await expect(tryEngine(choice)).rejects.toMatchObject({ code: 'LRC-6012' })
  expect(await tryEngine({ ...choice, device: 'cpu' })).toMatch(/^onnxruntime-node \d/)
})
