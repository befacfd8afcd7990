/**
 * From what was asked for to a runtime that is known to work. Nothing is ever run elsewhere than asked.
 * @module
 */
import { env } from 'onnxruntime-node'
import { createBuilder } from '../graph/builder.js'
import { ort } from './ort.js'
import type { Device, Runtime, RuntimeName } from './runtime.js'
import { softwareGpu } from './software-gpu.js'
import { createTfjs } from './tfjs.js'
import { loadTfjs } from './tfjs-load.js'

/** What should compute. */
export interface RuntimeChoice {
  /** 'ort' unless stated. */
  readonly runtime?: RuntimeName
  /** 'cpu' unless stated. */
  readonly device?: Device
  /** Whether a GPU that the processor emulates will do; it is slower than the processor itself. False unless stated. */
  readonly allowSoftwareGpu?: boolean
}

/** What computes, to be named wherever its numbers are reported. */
export interface EngineFacts {
  readonly runtime: RuntimeName
  readonly device: Device
  /** The package that computes, with its version. */
  readonly library: string
  /** The library that emulates the GPU; absent for a real one. */
  readonly emulator?: string
}

export interface LoadedRuntime {
  readonly runtime: Runtime
  readonly facts: EngineFacts
}

/** Loads a runtime and, on anything but the processor, runs a product of two matrices on it. Error: why it cannot be used. */
export async function loadRuntime(choice: RuntimeChoice): Promise<LoadedRuntime> {
  const { runtime: name = 'ort', device = 'cpu', allowSoftwareGpu = false } = choice
  if (name === 'tfjs') return await loadTensorFlow(device)
  const facts: EngineFacts = { runtime: 'ort', device, library: `onnxruntime-node ${env.versions.node}` }
  if (device === 'cpu') return { runtime: ort, facts }
  await tryOut(ort, device).catch((cause: Error) => {
    throw new Error(`${device} cannot be used: ${reasonIn(cause.message)}`, { cause })
  })
  const emulator = device === 'webgpu' ? softwareGpu() : undefined
  if (emulator === undefined) return { runtime: ort, facts }
  if (!allowSoftwareGpu) {
    throw new Error(
      `the only ${device} adapter is emulated by the processor (${emulator}), which is slower than the device "cpu"; allow it with --allow-software-gpu`,
    )
  }
  return { runtime: ort, facts: { ...facts, emulator } }
}

async function loadTensorFlow(device: Device): Promise<LoadedRuntime> {
  if (device !== 'cpu' && device !== 'cuda') {
    throw new RangeError(`the runtime "tfjs" expected the device cpu or cuda, got "${device}"`)
  }
  const { tf, library, device: used } = await loadTfjs(device)
  return { runtime: createTfjs(tf), facts: { runtime: 'tfjs', device: used, library } }
}

/** What went wrong, without the place in onnxruntime's source. */
const reasonIn = (message: string): string => message.replace(/^.* was false\. /s, '').trim()

/** (1.5 -2; 3 0.5) (2 4; -1 8) = (5 -10; 5.5 16) */
async function tryOut(runtime: Runtime, device: Device): Promise<void> {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 2])
  const product = builder.op('MatMul', [x, builder.constant([2, 4, -1, 8], 'float32', [2, 2])])
  builder.output(product)
  const session = await runtime.open(builder.build(), { device })
  const outputs = await session.run(new Map([['x', Float32Array.of(1.5, -2, 3, 0.5)]]))
  await session.close()
  const values = [...(outputs.get(product.name)?.data ?? [])]
  if (String(values) !== '5,-10,5.5,16') {
    throw new Error(`it gave ${values.join(' ')} for a product of two matrices, expected 5 -10 5.5 16`)
  }
}
