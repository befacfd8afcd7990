import {
  decodeControl,
  decodeServerState,
  encodeControl,
  encodeServerState,
  type ServerState,
  type TensorMap,
} from '@lorica/peft-core'
import { type FileReference, LoricaError, type RunSpec } from '@lorica/protocol'
import type { Blobs } from '../store/blobs.js'
import { isCorrected } from './scaffold.js'

/** What the coordinator remembers of the rounds before, beside the adapter, and moves with it. */
export type Memory =
  | { readonly kind: 'optimizer'; readonly state: ServerState }
  | { readonly kind: 'control'; readonly control: TensorMap } // of SCAFFOLD

/** A memory as a file: its name and its bytes. */
export function memoryFile(memory: Memory): readonly [path: string, bytes: Uint8Array] {
  return memory.kind === 'optimizer'
    ? ['server-optimizer.safetensors', encodeServerState(memory.state)]
    : ['scaffold-control.safetensors', encodeControl(memory.control)]
}

/** Reads what the coordinator remembers of a run; null before the first release. Throws LoricaError LRC-5002. */
export async function readMemory(
  blobs: Blobs,
  spec: Pick<RunSpec, 'local'>,
  file: FileReference | null,
): Promise<Memory | null> {
  if (file === null) return null
  const bytes = await blobs.whole(file.sha256)
  try {
    return isCorrected(spec)
      ? { kind: 'control', control: decodeControl(bytes) }
      : { kind: 'optimizer', state: decodeServerState(bytes) }
  } catch (cause) {
    throw new LoricaError('LRC-5002', `${file.path}: ${(cause as Error).message}`, { cause })
  }
}
