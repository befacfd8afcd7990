import { type Adapter, parseAdapter } from '@lorica/peft-core'
import { type Assignment, type FileReference, LoricaError } from '@lorica/protocol'
import type { Blobs } from './blobs.js'

export type AdapterReference = Assignment['adapter']

/** Adapters that assignments name, by the hashes of their files. */
export interface Adapters {
  /** The checked adapter. Throws LRC-6007 or LRC-7003. */
  read(reference: AdapterReference): Promise<Adapter>
  /** Hashes of the files of the adapters that stay: those used last. */
  kept(): readonly string[]
}

const KEPT_IN_MEMORY = 2 // what was measured last is often what is trained next
const KEPT_ON_DISK = 4 // of several runs at once

/** Reads adapters from blobs; of those used before, only the latest few stay. */
export function openAdapters(blobs: Blobs): Adapters {
  let recent: readonly { readonly key: string; readonly files: readonly FileReference[] }[] = []
  const parsed = new Map<string, Promise<Adapter>>()

  const forget = async (): Promise<void> => {
    for (const { key } of recent.slice(KEPT_IN_MEMORY)) parsed.delete(key)
    const old = recent.slice(KEPT_ON_DISK)
    recent = recent.slice(0, KEPT_ON_DISK)
    const needed = new Set(recent.flatMap(({ files }) => files.map(({ sha256 }) => sha256)))
    for (const file of old.flatMap(({ files }) => files)) if (!needed.has(file.sha256)) await blobs.drop(file)
  }
  return {
    async read({ version, files }) {
      const key = files.map(({ path, sha256 }) => `${path} ${sha256}`).join('\n')
      recent = [{ key, files }, ...recent.filter((known) => known.key !== key)]
      await forget()
      const adapter = parsed.get(key) ?? fetchAdapter(version, files, blobs)
      parsed.set(key, adapter)
      adapter.catch(() => parsed.delete(key))
      return adapter
    },
    kept: () => recent.slice(0, KEPT_ON_DISK).flatMap(({ files }) => files.map(({ sha256 }) => sha256)),
  }
}

async function fetchAdapter(
  version: number,
  files: readonly FileReference[],
  blobs: Blobs,
): Promise<Adapter> {
  const read = async (path: 'adapter_config.json' | 'adapter_model.safetensors'): Promise<Uint8Array> => {
    const file = files.find((candidate) => candidate.path === path)
    if (file !== undefined) return blobs.bytes(file)
    throw new LoricaError('LRC-7003', `adapter ${version} has no ${path}`, {
      expected: path,
      received: files.map((candidate) => candidate.path).join(', '),
    })
  }
  const [config, tensors] = await Promise.all([
    read('adapter_config.json'),
    read('adapter_model.safetensors'),
  ])
  try {
    return parseAdapter({ 'adapter_config.json': config, 'adapter_model.safetensors': tensors })
  } catch (cause) {
    throw new LoricaError('LRC-7003', (cause as Error).message, { cause })
  }
}
