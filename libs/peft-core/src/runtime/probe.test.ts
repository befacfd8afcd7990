import { expect, test } from 'vitest'
import { startEngine } from './engine.js'
import { probeDevice } from './probe.js'

test('the processor can be used, and the engine says what computes', async () => {
  const report = await probeDevice({ runtime: 'ort', device: 'cpu' }, 30_000)
  expect(report).toMatchObject({ usable: true, facts: { runtime: 'ort', device: 'cpu' } })
  expect(report.facts?.library).toMatch(/^onnxruntime-node \d+\.\d+\.\d+$/)
})

// Of DirectML and CoreML every system lacks at least one.
const absent = process.platform === 'darwin' ? 'dml' : 'coreml'

test('a device that is not there is reported with the reason and what to do', async () => {
  const report = await probeDevice({ runtime: 'ort', device: absent }, 30_000)
  expect(report.usable).toBe(false)
  expect(report.reason).toContain(absent)
  expect(report.advice).toMatch(/Windows only|macOS only/)
})

test('no other device is tried for one that cannot be used', async () => {
  await expect(startEngine({ device: absent })).rejects.toThrow(absent)
  await expect(startEngine({ runtime: 'tfjs', device: 'webgpu' })).rejects.toThrow(
    'the runtime "tfjs" expected the device cpu or cuda, got "webgpu"',
  )
})

test('a process that crashes while it is tried is an answer', async () => {
  const report = await probeDevice({ runtime: 'ort', device: 'cpu' }, 30_000, {
    host: new URL('crash-host.fixture.mjs', import.meta.url),
  })
  expect(report.usable).toBe(false)
  expect(report.reason).toMatch(/process ended by SIGSEGV/)
})
