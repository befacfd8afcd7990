/**
 * An adapter folder as it is offered to be served.
 * @module
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { readAdapterFor, weightStarts } from '@lorica/peft-core'
import type { Offer } from './shelf.js'

/** Reads a PEFT folder for a model. Its version is how its weights hash, unless one is given. RangeError when it is none. */
export async function adapterOffer(model: string, folder: string, version?: string): Promise<Offer> {
  const { config, tensors } = await readAdapterFor(model, folder)
  const starts = await weightStarts(model, config)
  return {
    adapter: { config, tensors, ...(starts === undefined ? {} : { starts }) },
    version: version ?? (await hashed(join(folder, 'adapter_model.safetensors'))),
  }
}

async function hashed(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex').slice(0, 12)
}
