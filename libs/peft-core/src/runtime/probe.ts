/**
 * Whether a runtime can be used here: an engine is started on it, in a process of its own. One that crashes is an answer.
 * @module
 */
import { startEngine } from './engine.js'
import { EngineError } from './engine-error.js'
import type { EngineOptions } from './engine-link.js'
import type { EngineFacts, RuntimeChoice } from './load.js'
import type { Device, RuntimeName } from './runtime.js'

export interface DeviceReport {
  readonly runtime: RuntimeName
  readonly device: Device
  readonly usable: boolean
  readonly facts?: EngineFacts
  /** Why it cannot be used, in the words of whatever failed. */
  readonly reason?: string
  /** What would make it usable. */
  readonly advice?: string
}

/** Tries a runtime on a device for at most `deadlineMs`. Never throws. */
export async function probeDevice(
  choice: Required<Omit<RuntimeChoice, 'allowSoftwareGpu'>>,
  deadlineMs: number,
  { host }: Pick<EngineOptions, 'host'> = {},
): Promise<DeviceReport> {
  try {
    const options = { ...choice, silenceMs: deadlineMs }
    await using engine = await startEngine(host === undefined ? options : { ...options, host })
    return { ...choice, usable: true, facts: engine.facts }
  } catch (error) {
    const reason = error instanceof EngineError ? error.message : String(error)
    return { ...choice, usable: false, reason, advice: adviceFor(choice, reason) }
  }
}

/** What a person can do about a device that cannot be used. */
export function adviceFor(
  { runtime, device }: { readonly runtime: RuntimeName; readonly device: Device },
  reason: string,
): string {
  if (/emulated by the processor/.test(reason)) {
    return 'Use the device cpu, or install the driver of the GPU; --allow-software-gpu uses the emulation.'
  }
  if (runtime === 'tfjs') return 'Run `lorica setup tfjs-gpu`; the runtime ort needs nothing of it.'
  return advice[device]
}

const advice: Readonly<Record<Device, string>> = {
  cpu: 'Install the packages again: npm ci.',
  webgpu:
    "Install the GPU's Vulkan driver (Linux; Mesa 22.3 is too old, 25.0 works) or its current driver (Windows, macOS).",
  cuda: 'On Linux x64 with an NVIDIA driver, CUDA 12 and cuDNN 9: run `lorica setup cuda`. On other machines use webgpu.',
  dml: 'DirectML comes with onnxruntime on Windows only.',
  coreml: 'CoreML comes with onnxruntime on macOS only.',
}
