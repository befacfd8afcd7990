import { dirname, join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { linesOf } from '../journal/chain.js'
import { bindFolder } from '../store/binding.js'
import type { Claim } from '../store/claim.js'
import type { Disk } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import { copyDurably } from '../store/durable.js'
import { BINDING_FILE, JOURNAL_FILE } from '../store/open.js'
import type { Store } from '../store/store.js'
import { appendAll } from '../store/takeover.js'
import { type BackupManifest, checkBackup, readManifest } from './backup.js'
import type { Progress } from './progress.js'

/** Where a backup goes. */
export interface Destination {
  readonly dir: string
  /** Opens the store whose folder is `dir`. */
  openStore(dir: string): Promise<Store>
  readonly claim: Claim
}

/**
 * Makes the folder of a coordinator, and its store, from the backup in the folder `from`. Everything is checked before anything is written; until the
 * folder is whole it is named `dir`.unfinished. Throws LoricaError LRC-5001 or LRC-5010 when the backup is not whole, LRC-5004 when the folder is
 * not empty, LRC-5011 when the store is not.
 */
export async function restore(
  from: string,
  { dir, openStore, claim }: Destination,
  { disk, progress }: { readonly disk: Disk; readonly progress: Progress },
): Promise<BackupManifest> {
  const manifest = await readManifest(disk, from)
  if (manifest === undefined)
    throw new LoricaError(
      'LRC-5010',
      `${from}: has no backup.json: it is no backup, or one that was interrupted`,
    )
  await checkBackup(disk, from, manifest, progress)
  if ((await disk.list(dir)).length > 0)
    throw new LoricaError('LRC-5004', `${dir}: is not empty`, { expected: 'an empty folder, or none' })
  const place = `${dir}.unfinished`
  await disk.remove(place)
  try {
    const files = manifest.files.filter(({ path }) => path !== JOURNAL_FILE)
    for (const [index, { path }] of files.entries()) {
      await copyDurably(disk, join(from, path), join(place, path))
      progress(index + 1, files.length)
    }
    await disk.makeFolder(place)
    await restoreJournal(join(from, JOURNAL_FILE), place, { openStore, claim, disk })
    await disk.remove(dir)
    await disk.rename(place, dir)
    await disk.flushFolder(dirname(join(dir)))
    return manifest
  } catch (error) {
    throw diskError(error, dir)
  }
}

async function restoreJournal(
  path: string,
  place: string,
  { openStore, claim, disk }: Omit<Destination, 'dir'> & { readonly disk: Disk },
): Promise<void> {
  const lines = linesOf(Buffer.from(await disk.read(path)).toString('utf8'))
  const store = await openStore(place)
  try {
    const epoch = await store.lead(claim)
    for await (const found of store.read(lines.length))
      throw new LoricaError('LRC-5011', `${store.name}: has a journal of ${found.at(-1)?.seq} lines`, {
        expected: 'an empty store, or one that this backup was being restored to',
      })
    await appendAll(store, epoch, lines).catch((error: LoricaError) => {
      if (error.code !== 'LRC-5001') throw error
      throw new LoricaError('LRC-5011', `${store.name}: has another journal`, { cause: error })
    })
    await bindFolder(disk, join(place, BINDING_FILE), store)
    await store.release(epoch)
  } finally {
    await store.close()
  }
}
