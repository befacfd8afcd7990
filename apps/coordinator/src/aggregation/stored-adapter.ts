import { type Adapter, parseAdapter } from '@lorica/peft-core'
import type { FileReference } from '@lorica/protocol'
import type { Blobs } from '../store/blobs.js'

/** Reads the adapter that these files are of. */
export async function readStoredAdapter(blobs: Blobs, files: readonly FileReference[]): Promise<Adapter> {
  const bytesOf = (name: string) => blobs.whole(files.find(({ path }) => path === name)?.sha256 ?? '')
  const [config, tensors] = await Promise.all(
    ['adapter_config.json', 'adapter_model.safetensors'].map(bytesOf),
  )
  return parseAdapter({ 'adapter_config.json': config!, 'adapter_model.safetensors': tensors! })
}
