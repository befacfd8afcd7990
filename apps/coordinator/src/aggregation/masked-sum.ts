import { createHash } from 'node:crypto'
import { addInput, type Collecting, isRefusal, type SumRefusal, unpackRing } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { wholeFile } from './whole-file.js'

/** A masked update on disk. */
export interface StoredInput {
  readonly agentId: string
  readonly path: string
  readonly sha256: string
}

/**
 * Adds masked updates to a sum, one after another. Throws LoricaError LRC-5002 for one whose bytes are not any more what was accepted.
 */
export async function addInputs(
  disk: Pick<Disk, 'open'>,
  collecting: Collecting,
  inputs: readonly StoredInput[],
): Promise<Collecting | SumRefusal> {
  const { elements, ring } = collecting.terms
  let state = collecting
  for (const { agentId, path, sha256 } of inputs) {
    const bytes = await wholeFile(disk, path)
    const received = createHash('sha256').update(bytes).digest('hex')
    if (received !== sha256)
      throw new LoricaError('LRC-5002', 'a masked update is damaged on disk', { expected: sha256, received })
    const next = addInput(state, { agent: agentId, vector: unpackRing(bytes, elements, ring.bits) })
    if (isRefusal(next)) return next
    state = next
  }
  return state
}
