import type { Assignment } from '@lorica/protocol'
import type { Adapters } from './adapters.js'
import type { Bases } from './bases.js'
import type { Blobs } from './blobs.js'
import type { Disk } from './disk.js'
import { expectSpace, neededBytes } from './space.js'

/** What room is made among. */
export interface Room {
  readonly folder: string
  readonly disk: Disk
  readonly blobs: Pick<Blobs, 'prune' | 'missingBytes'>
  readonly adapters: Pick<Adapters, 'kept'>
  readonly bases: Pick<Bases, 'missingBytes'>
  /** Private files that have yet to be read, and tokenised into a file of their own. */
  readonly data: () => readonly string[]
}

/** Forgets what is not needed any more, and throws LRC-6016 when the assignment would not fit all the same. */
export function roomFor({ folder, disk, blobs, adapters, bases, data }: Room) {
  return async ({ kind, base, adapter, personal }: Assignment): Promise<void> => {
    const named = [...base.files, ...adapter.files].map(({ sha256 }) => sha256)
    await blobs.prune(new Set([...named, ...adapters.kept()]))
    const sizes = await Promise.all(data().map((path) => disk.sizeOf(path)))
    const needed = neededBytes(kind, {
      baseBytes: await bases.missingBytes(base),
      adapterBytes: await blobs.missingBytes(adapter.files),
      hasPersonal: personal !== undefined,
      weightBytes: adapter.files.find(({ path }) => path.endsWith('.safetensors'))?.sizeBytes ?? 0,
      dataBytes: sizes.reduce((sum: number, sizeBytes) => sum + (sizeBytes ?? 0), 0),
    })
    expectSpace(needed, (await disk.freeBytes?.(folder)) ?? null)
  }
}
