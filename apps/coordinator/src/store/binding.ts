import { LoricaError } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { Disk } from './disk.js'
import { diskError } from './disk-error.js'
import { writeDurably } from './durable.js'
import type { Store } from './store.js'

/**
 * Notes in the file `path` which store the folder works with, and expects the same one ever after: a folder that is started without
 * its store would begin from nothing. Throws LoricaError LRC-5011.
 */
export async function bindFolder(disk: Disk, path: string, store: Store): Promise<void> {
  const id = (await store.id()) ?? ''
  const noted = await disk.read(path).then(
    (bytes) => Buffer.from(bytes).toString('utf8').trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw diskError(error, path)
    },
  )
  if (noted === undefined) {
    return writeDurably(disk, path, `${id}\n`).catch((error: unknown) =>
      Promise.reject(diskError(error, path)),
    )
  }
  if (noted !== id) {
    throw new LoricaError(
      'LRC-5011',
      `${path}: this folder works with store ${noted}, ${store.name} is store ${id}`,
      {
        expected: `store ${noted}`,
        received: `store ${id}`,
      },
    )
  }
}

/** Expects a journal to be of a coordinator. Throws LoricaError LRC-5011. */
export function expectOwner(store: Store, entries: readonly JournalEntry[], coordinatorId: string): void {
  const started = entries.findLast(({ event }) => event.type === 'coordinator-started')?.event
  if (started?.type !== 'coordinator-started' || started.coordinatorId === coordinatorId) return
  throw new LoricaError(
    'LRC-5011',
    `${store.name}: its journal is of coordinator ${started.coordinatorId}, identity.json of ${coordinatorId}`,
    { expected: started.coordinatorId, received: coordinatorId },
  )
}
