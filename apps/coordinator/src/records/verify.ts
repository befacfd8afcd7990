import { basename, join, relative } from 'node:path'
import { restoreIdentity, verifyRelease } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import { type ReleaseName, releasePath } from '../releases/registry.js'
import type { Disk } from '../store/disk.js'
import { hashFile } from '../store/durable.js'
import { updatePath } from '../store/updates.js'
import type { Progress } from './progress.js'
import { type KeptUpdate, referencesOf } from './references.js'
import { filesBelow } from './walk.js'

/** A file that is not what the coordinator once wrote. Paths are relative to its folder. */
export interface Fault {
  readonly path: string
  readonly kind: 'damaged' | 'missing'
  readonly reason: string
}

export interface StoreReport {
  readonly checked: number // files
  readonly faults: readonly Fault[]
}

/**
 * Reads everything that a folder of a coordinator keeps and holds it against its hashes: blobs against their names and the journal, accepted
 * updates against the journal, releases against their signatures and files. Changes nothing; the coordinator may run meanwhile.
 */
export async function verifyFolder(
  disk: Disk,
  folder: string,
  entries: readonly JournalEntry[],
  progress: Progress,
): Promise<StoreReport> {
  const { blobs, updates, releases } = referencesOf(entries)
  const names = (await filesBelow(disk, join(folder, 'blobs'))).filter((path) =>
    /^[0-9a-f]{64}$/.test(basename(path)),
  )
  const known = new Set(names.map((path) => basename(path)))
  const total = names.length + updates.length + releases.length
  const faults: Fault[] = []
  let checked = 0
  const note = (found: readonly Fault[]) => {
    faults.push(...found)
    progress(++checked, total)
  }
  for (const path of names) {
    const actual = await sha256Of(disk, join(folder, 'blobs', path))
    note(actual === basename(path) ? [] : [damaged(join('blobs', path), actual)])
  }
  for (const update of updates) note(await verifyUpdate(disk, folder, update))
  for (const release of releases) note(await verifyStored(disk, folder, release, known))
  const listed = new Set(faults.map(({ path }) => path))
  const absent = [...blobs]
    .filter((sha256) => !known.has(sha256))
    .map((sha256) => missing(join('blobs', sha256.slice(0, 2), sha256), 'the journal speaks of it'))
  return { checked, faults: [...faults, ...absent.filter(({ path }) => !listed.has(path))] }
}

async function verifyUpdate(
  disk: Disk,
  folder: string,
  { runId, round, sha256 }: KeptUpdate,
): Promise<readonly Fault[]> {
  const path = updatePath('updates', runId, round, sha256)
  const actual = await sha256Of(disk, join(folder, path))
  if (actual === undefined)
    return [missing(path, `the journal has it as accepted for round ${round} of ${runId}`)]
  return actual === sha256 ? [] : [damaged(path, actual)]
}

async function verifyStored(
  disk: Disk,
  folder: string,
  { name, id }: ReleaseName,
  blobs: ReadonlySet<string>,
): Promise<readonly Fault[]> {
  const path = join('releases', name)
  const place = relative(folder, await releasePath(disk, join(folder, 'releases'), { name, id }))
  const textOf = (file: string) =>
    disk.read(join(folder, file)).then(
      (bytes) => Buffer.from(bytes).toString('utf8'),
      () => undefined,
    )
  const [manifest, signature, identity] = await Promise.all(
    [join(place, 'manifest.json'), join(place, 'manifest.sig'), 'identity.json'].map(textOf),
  )
  if (manifest === undefined || signature === undefined)
    return [missing(path, 'the journal has it as released')]
  try {
    const { publicKey } = restoreIdentity(JSON.parse(identity ?? ''))
    const { files } = verifyRelease({ manifest, signature }, publicKey)
    const actual = await sha256Of(disk, join(folder, place, 'manifest.json'))
    if (id !== null && actual !== id) return [damaged(path, actual)]
    return files
      .filter(({ sha256 }) => !blobs.has(sha256))
      .map(({ sha256, path: file }) =>
        missing(join('blobs', sha256.slice(0, 2), sha256), `${file} of ${name}`),
      )
  } catch (error) {
    return [{ path, kind: 'damaged', reason: (error as Error).message }]
  }
}

/** The hash of a file; undefined when there is none. */
async function sha256Of(disk: Disk, path: string): Promise<string | undefined> {
  if ((await disk.sizeOf(path)) === undefined) return undefined
  return (await hashFile(disk, path)).sha256
}

const damaged = (path: string, actual = 'none'): Fault => ({
  ...{ path, kind: 'damaged', reason: `its bytes have the SHA-256 ${actual}` },
})

const missing = (path: string, reason: string): Fault => ({ path, kind: 'missing', reason })
