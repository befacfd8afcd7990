/**
 * An adapter: trained tensors and what they mean, kept as a Hugging Face PEFT folder.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { withoutFrozenCopies } from './frozen-copies.js'
import { expectParameters } from './parameters.js'
import type { PeftConfig } from './peft-config.js'
import { formatPeftConfig, parsePeftConfig } from './peft-json.js'
import { decodeSafetensors, refusePickle } from './safetensors.js'
import { encodeSafetensors } from './safetensors-write.js'
import { rawTensor, type Tensor, type TensorMap } from './tensor.js'
import { floatTensor } from './values.js'

/** Keys are PEFT's: base_model.model.<module>.lora_A.weight (rank, inputs) and .lora_B.weight (outputs, rank). */
export interface Adapter {
  readonly config: PeftConfig
  readonly tensors: TensorMap
}

/** The two files of an adapter folder. */
export interface AdapterFiles {
  readonly 'adapter_config.json': Uint8Array
  readonly 'adapter_model.safetensors': Uint8Array
}

const names = ['adapter_config.json', 'adapter_model.safetensors'] as const

/** The files of an adapter, byte for byte as Python's PEFT would write them. RangeError as `parseAdapter`. */
export function adapterFiles(adapter: Adapter): AdapterFiles {
  checkedAdapter(adapter)
  const raw = new Map([...adapter.tensors].map(([key, tensor]) => [key, rawTensor(tensor)]))
  return {
    'adapter_config.json': new TextEncoder().encode(formatPeftConfig(adapter.config)),
    'adapter_model.safetensors': encodeSafetensors(raw),
  }
}

/**
 * Reads the files of an adapter from any PEFT trainer; half-precision factors become float32, and copies of the base's own
 * embeddings are left out. RangeError or TypeError
 * names the file and what does not fit: the methods this library does not know, factors without a partner, a rank that
 * differs from the configuration, values that are not finite.
 */
export function parseAdapter(files: AdapterFiles): Adapter {
  const [configFile, tensorsFile] = names
  const config = named(configFile, () => parsePeftConfig(new TextDecoder().decode(files[configFile])))
  const tensors = named(tensorsFile, () => {
    const stored = [...decodeSafetensors(files[tensorsFile])]
    return new Map(stored.map(([key, raw]) => [key, named(`tensor "${key}"`, () => floatTensor(raw))]))
  })
  return named(tensorsFile, () => checkedAdapter({ config, tensors: withoutFrozenCopies(config, tensors) }))
}

/** Reads a PEFT folder. RangeError as `parseAdapter`, with the folder's name; a pickle is refused and never opened. */
export async function readAdapter(folder: string): Promise<Adapter> {
  const present = await readdir(folder).catch((cause: Error) => {
    throw new RangeError(`${folder}: expected an adapter folder; ${cause.message}`, { cause })
  })
  const missing = names.find((name) => !present.includes(name))
  if (missing !== undefined) {
    if (present.includes('adapter_model.bin')) refusePickle(join(folder, 'adapter_model.bin'))
    throw new RangeError(`${folder}: expected the files ${names.join(' and ')}, ${missing} is missing`)
  }
  const [config, tensors] = await Promise.all(names.map((name) => readFile(join(folder, name))))
  const files = {
    'adapter_config.json': config as Uint8Array,
    'adapter_model.safetensors': tensors as Uint8Array,
  }
  return named(folder, () => parseAdapter(files))
}

/**
 * Writes a PEFT folder, and beside its files those of `beside`, by name. A new folder appears whole or not at all; in a
 * folder that exists all files are written and flushed before one replaces its predecessor, and other files are left alone.
 */
export async function writeAdapter(
  folder: string,
  adapter: Adapter,
  beside: Readonly<Record<string, string>> = {},
): Promise<void> {
  const files: Readonly<Record<string, Uint8Array | string>> = { ...beside, ...adapterFiles(adapter) }
  const target = resolve(folder)
  const exists = await readdir(target).then(
    () => true,
    () => false,
  )
  const parent = exists ? target : dirname(target)
  await mkdir(parent, { recursive: true })
  const staging = join(parent, `.adapter-${randomUUID()}`)
  try {
    await mkdir(staging)
    for (const [name, content] of Object.entries(files)) await writeFlushed(join(staging, name), content)
    if (exists) for (const name of Object.keys(files)) await rename(join(staging, name), join(target, name))
    else await rename(staging, target)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function writeFlushed(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

function checkedAdapter(adapter: Adapter): Adapter {
  expectParameters(adapter.config, adapter.tensors)
  for (const [key, tensor] of adapter.tensors) checkFinite(key, tensor)
  return adapter
}

function checkFinite(key: string, { data }: Tensor): void {
  const at = data.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw new RangeError(`tensor "${key}" expected finite values, got ${data[at]} at ${at}`)
}

function named<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new RangeError(`${name}: ${(cause as Error).message}`, { cause })
  }
}
