import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { restoreIdentity, verifyRelease } from '@lorica/protocol'
import type { JournalEntry } from '../journal-chain.js'
import { updatePath } from '../rounds/parts.js'

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
 * Reads everything that a folder of a coordinator keeps and holds it against its hashes: blobs against their names, accepted updates
 * against the journal, releases against their signatures and files. Changes nothing; the coordinator may run meanwhile.
 */
export async function verifyStore(folder: string, entries: readonly JournalEntry[]): Promise<StoreReport> {
  const blobs = await verifyBlobs(folder)
  const updates: (Fault | undefined)[] = []
  for (const update of updatesOf(entries)) updates.push(await verifyUpdate(folder, update))
  const releases = await verifyReleases(folder, entries, blobs.known)
  const faults = [...blobs.faults, ...updates.filter((fault) => fault !== undefined), ...releases]
  return { checked: blobs.known.size + updates.length + namesOf(entries).length, faults }
}

async function verifyBlobs(
  folder: string,
): Promise<{ readonly known: ReadonlySet<string>; readonly faults: readonly Fault[] }> {
  const found = await readdir(join(folder, 'blobs'), { recursive: true }).catch(() => [])
  const paths = found.filter((path) => /^[0-9a-f]{64}$/.test(basename(path)))
  const faults: Fault[] = []
  for (const path of paths) {
    const actual = await sha256Of(join(folder, 'blobs', path))
    if (actual !== basename(path)) faults.push(damaged(join('blobs', path), actual))
  }
  return { known: new Set(paths.map((path) => basename(path))), faults }
}

interface Kept {
  readonly runId: string
  readonly round: number
  readonly sha256: string
}

/** The updates that the journal says are kept. */
function updatesOf(entries: readonly JournalEntry[]): readonly Kept[] {
  return entries.flatMap(({ event }) =>
    event.type === 'update-accepted'
      ? [{ runId: event.runId, round: event.round, sha256: event.contribution.updateSha256 }]
      : [],
  )
}

async function verifyUpdate(folder: string, { runId, round, sha256 }: Kept): Promise<Fault | undefined> {
  const path = updatePath('updates', runId, round, sha256)
  const actual = await sha256Of(join(folder, path))
  if (actual === undefined)
    return missing(path, `the journal has it as accepted for round ${round} of ${runId}`)
  return actual === sha256 ? undefined : damaged(path, actual)
}

const namesOf = (entries: readonly JournalEntry[]): readonly string[] =>
  entries.flatMap(({ event }) =>
    event.type === 'round-committed' && event.record.release !== null ? [event.record.release] : [],
  )

async function verifyReleases(
  folder: string,
  entries: readonly JournalEntry[],
  blobs: ReadonlySet<string>,
): Promise<readonly Fault[]> {
  const { publicKey } = restoreIdentity(JSON.parse(await readFile(join(folder, 'identity.json'), 'utf8')))
  const faults = await Promise.all(
    namesOf(entries).map(async (name): Promise<readonly Fault[]> => {
      const path = join('releases', name)
      const [manifest, signature] = await Promise.all(
        ['manifest.json', 'manifest.sig'].map((file) =>
          readFile(join(folder, path, file), 'utf8').catch(() => undefined),
        ),
      )
      if (manifest === undefined || signature === undefined)
        return [missing(path, 'the journal has it as released')]
      try {
        const { files } = verifyRelease({ manifest, signature }, publicKey)
        const absent = files.filter(({ sha256 }) => !blobs.has(sha256))
        return absent.map(({ sha256, path: file }) =>
          missing(join('blobs', sha256.slice(0, 2), sha256), `${file} of ${name}`),
        )
      } catch (error) {
        return [{ path, kind: 'damaged', reason: (error as Error).message }]
      }
    }),
  )
  return faults.flat()
}

/** The hash of a file; undefined when there is none. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const part of createReadStream(path)) hash.update(part as Uint8Array)
    return hash.digest('hex')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const damaged = (path: string, actual = 'none'): Fault => ({
  ...{ path, kind: 'damaged', reason: `its bytes have the SHA-256 ${actual}` },
})

const missing = (path: string, reason: string): Fault => ({ path, kind: 'missing', reason })
