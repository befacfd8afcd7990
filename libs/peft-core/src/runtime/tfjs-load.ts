/**
 * Finds a package of TensorFlow.js. None of them is a dependency: their native library is downloaded when they are
 * installed, which `lorica setup tfjs-gpu` does on request.
 * @module
 */
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Tfjs } from './tfjs-kernel.js'

/** Where `lorica setup tfjs-gpu` installs, unless told otherwise. LORICA_TFJS names another folder. */
export function tfjsFolder(): string {
  return process.env.LORICA_TFJS ?? join(homedir(), '.lorica', 'tfjs')
}

export interface LoadedTfjs {
  readonly tf: Tfjs
  /** The package and its version; `in JavaScript` when it has no native library and is slow. */
  readonly library: string
  readonly device: 'cpu' | 'cuda'
}

/** On a GPU only the package that is made for one will do. */
const packages = {
  cuda: ['@tensorflow/tfjs-node-gpu'],
  cpu: ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-core'],
} as const

/**
 * Loads the first package for a device that is installed. Error: none is, or the one that is does not work; another is
 * not tried in its place.
 */
export async function loadTfjs(device: 'cpu' | 'cuda'): Promise<LoadedTfjs> {
  restoreUtil()
  const places = [join(tfjsFolder(), 'package.json'), import.meta.url].map((from) => createRequire(from))
  for (const name of packages[device]) {
    const place = places.find((one) => isInstalled(one, name))
    if (place !== undefined) return load(place, name, device)
  }
  const names = packages[device].slice(0, 2).join(' or ')
  throw new Error(`TensorFlow.js cannot be used on ${device}: ${names} is not installed`)
}

function isInstalled(place: NodeJS.Require, name: string): boolean {
  try {
    place.resolve(name)
    return true
  } catch {
    return false
  }
}

function load(place: NodeJS.Require, name: string, device: 'cpu' | 'cuda'): LoadedTfjs {
  try {
    const { version } = place(`${name}/package.json`) as { readonly version: string }
    const isNative = name !== '@tensorflow/tfjs-core'
    if (!isNative) place('@tensorflow/tfjs-backend-cpu')
    const tf = place(name) as Tfjs
    const isGpu = isOnGpu(tf)
    if (device === 'cuda' && !isGpu) {
      throw new Error('it finds no GPU (its library needs those of CUDA 11.2 and cuDNN 8.1)')
    }
    return {
      tf,
      library: `${name} ${version}${isNative ? '' : ' in JavaScript'}`,
      device: isGpu ? 'cuda' : 'cpu',
    }
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n')
    throw new Error(`TensorFlow.js cannot be used on ${device}: ${name} does not load: ${reason}`, { cause })
  }
}

/** The node backend says whether it is of the GPU package and whether its library was built with CUDA that it found. */
function isOnGpu(tf: Tfjs): boolean {
  const backend = tf.backend() as { readonly isGPUPackage?: boolean; readonly isUsingGpuDevice?: boolean }
  return backend.isGPUPackage === true && backend.isUsingGpuDevice === true
}

/** Node 23 removed functions that the packages of TensorFlow.js call. */
function restoreUtil(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined
  util.isArray ??= Array.isArray
}
