import {
  type DistanceMemory,
  decodeControl,
  decodeDistances,
  decodeServerState,
  encodeControl,
  encodeDistances,
  encodeServerState,
  type ServerState,
  type TensorMap,
} from '@lorica/peft-core'
import { type FileReference, LoricaError, type RunSpec } from '@lorica/protocol'
import { isRemembering } from '../runs/rule.js'
import type { Blobs } from '../store/blobs.js'
import { isCorrected } from './scaffold.js'

/** What the coordinator remembers of the rounds before, beside the adapter, and moves with it. */
export type Memory =
  | { readonly kind: 'optimizer'; readonly state: ServerState }
  | { readonly kind: 'control'; readonly control: TensorMap } // of SCAFFOLD
  | { readonly kind: 'distances'; readonly distances: DistanceMemory } // of a robust rule, by the ids of agents

/** A memory as a file: its name and its bytes. */
export function memoryFile(memory: Memory): readonly [path: string, bytes: Uint8Array] {
  switch (memory.kind) {
    case 'optimizer':
      return ['server-optimizer.safetensors', encodeServerState(memory.state)]
    case 'control':
      return ['scaffold-control.safetensors', encodeControl(memory.control)]
    case 'distances':
      return ['agent-distances.safetensors', encodeDistances(memory.distances)]
  }
}

/** Reads what the coordinator remembers of a run; null before the first release. Throws LoricaError LRC-5002. */
export async function readMemory(
  blobs: Blobs,
  spec: Pick<RunSpec, 'local' | 'aggregate'>,
  file: FileReference | null,
): Promise<Memory | null> {
  if (file === null) return null
  const bytes = await blobs.whole(file.sha256)
  try {
    if (isRemembering(spec)) return { kind: 'distances', distances: decodeDistances(bytes) }
    return isCorrected(spec)
      ? { kind: 'control', control: decodeControl(bytes) }
      : { kind: 'optimizer', state: decodeServerState(bytes) }
  } catch (cause) {
    throw new LoricaError('LRC-5002', `${file.path}: ${(cause as Error).message}`, { cause })
  }
}
