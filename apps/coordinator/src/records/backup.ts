/**
 * A backup: a folder with everything that a coordinator keeps, the journal as lines of JSON, and a manifest of hashes that is
 * written last. It needs no database to be read.
 * @module
 */
import { basename, dirname, join } from 'node:path'
import { LoricaError, SOFTWARE } from '@lorica/protocol'
import { z } from 'zod'
import { linesOf, replay } from '../journal/chain.js'
import { readJournal } from '../journal/journal.js'
import { type ReleaseName, releasePath } from '../releases/registry.js'
import type { Disk } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import { copyDurably, hashFile, writeDurably } from '../store/durable.js'
import { JOURNAL_FILE } from '../store/open.js'
import type { Store } from '../store/store.js'
import { updatePath } from '../store/updates.js'
import type { Progress } from './progress.js'
import { referencesOf } from './references.js'
import { filesBelow } from './walk.js'

const MANIFEST_FILE = 'backup.json'
const VERSION = 1

const manifestSchema = z.object({
  format: z.literal('lorica-backup'),
  version: z.number().int().positive(),
  createdAt: z.string(),
  software: z.string(),
  lines: z.number().int().nonnegative(), // of the journal
  hash: z.string(), // of the last line
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
})

/** What a backup says of itself. */
export type BackupManifest = Readonly<z.infer<typeof manifestSchema>>

/**
 * Writes a backup of the folder `dir` and its store to the new folder `out`, while the coordinator may run: what its journal speaks of at
 * this moment was safe before. Until it is whole it is named `out`.unfinished. Throws LoricaError LRC-5002 when a file is damaged.
 */
export async function backUp(
  { dir, out, createdAt }: { readonly dir: string; readonly out: string; readonly createdAt: string },
  { disk, store }: { readonly disk: Disk; readonly store: Pick<Store, 'name' | 'read'> },
  progress: Progress,
): Promise<BackupManifest> {
  if ((await disk.list(dirname(out)).catch(() => [])).some((name) => join(dirname(out), name) === join(out)))
    throw new LoricaError('LRC-8003', `${out}: is there already`, { expected: 'a path that nothing has' })
  const place = `${out}.unfinished`
  await disk.remove(place)
  try {
    const { lines, hash, files: sources } = await sourcesOf(store)
    await writeDurably(disk, join(place, JOURNAL_FILE), lines.map((line) => `${line}\n`).join(''))
    const journal = { path: JOURNAL_FILE, ...(await hashFile(disk, join(place, JOURNAL_FILE))) }
    const files: BackupManifest['files'] = [journal]
    const trust = (await filesBelow(disk, join(dir, 'trust'))).filter((path) => !path.endsWith('.tmp'))
    const all: readonly Source[] = [...sources, ...trust.map((path) => ({ path: join('trust', path) }))]
    for (const { path, sha256, release } of all) {
      const from =
        release === undefined
          ? join(dir, path)
          : join(await releasePath(disk, join(dir, 'releases'), release), basename(path))
      const copied = await copyDurably(disk, from, join(place, path)).catch((error: unknown) => {
        throw missingOrDisk(error, join(dir, path))
      })
      if (sha256 !== undefined && copied.sha256 !== sha256)
        throw damaged(join(dir, path), sha256, copied.sha256)
      files.push({ path, ...copied })
      progress(files.length, all.length + 1)
    }
    const manifest: BackupManifest = {
      ...{ format: 'lorica-backup', version: VERSION, createdAt, software: SOFTWARE },
      ...{ lines: lines.length, hash, files },
    }
    await writeDurably(disk, join(place, MANIFEST_FILE), `${JSON.stringify(manifest, null, 1)}\n`)
    await disk.rename(place, out)
    await disk.flushFolder(dirname(join(out)))
    return manifest
  } catch (error) {
    throw diskError(error, out)
  }
}

interface Source {
  readonly path: string // in the backup
  readonly sha256?: string
  readonly release?: ReleaseName // its folder may still have the name that it was prepared under
}

/** The lines of the journal, and the files that they speak of. */
async function sourcesOf(store: Pick<Store, 'name' | 'read'>) {
  const lines: string[] = []
  const reading: Pick<Store, 'name' | 'read'> = {
    name: store.name,
    async *read(after) {
      for await (const some of store.read(after)) {
        lines.push(...some.map(({ line }) => line))
        yield some
      }
    },
  }
  const { entries, end } = await readJournal(reading)
  const { blobs, updates, releases } = referencesOf(entries)
  const files: readonly Source[] = [
    { path: 'identity.json' },
    { path: 'admin-token' },
    ...[...blobs].map((sha256) => ({ path: join('blobs', sha256.slice(0, 2), sha256), sha256 })),
    ...updates.map(({ runId, round, sha256 }) => ({
      path: updatePath('updates', runId, round, sha256),
      sha256,
    })),
    ...releases.flatMap((release) => {
      const folder = join('releases', release.name)
      const { id } = release
      return [
        { release, path: join(folder, 'manifest.json'), ...(id === null ? {} : { sha256: id }) },
        { release, path: join(folder, 'manifest.sig') },
      ]
    }),
  ]
  const unique = new Map(files.map((file) => [file.path, file]))
  return { lines, hash: end.hash, files: [...unique.values()] }
}

/** The manifest of the folder `dir`; undefined when it is no backup. Throws LoricaError LRC-5007 or LRC-5010. */
export async function readManifest(disk: Disk, dir: string): Promise<BackupManifest | undefined> {
  const path = join(dir, MANIFEST_FILE)
  if ((await disk.sizeOf(path)) === undefined) return undefined
  let raw: unknown
  try {
    raw = JSON.parse(Buffer.from(await disk.read(path)).toString('utf8'))
  } catch (cause) {
    throw new LoricaError('LRC-5010', `${path}: ${(cause as Error).message}`, { cause })
  }
  const { success, data } = manifestSchema.safeParse(raw)
  if (!success) throw new LoricaError('LRC-5010', `${path}: is no manifest of a backup`)
  if (data.version <= VERSION) return data
  throw new LoricaError('LRC-5007', `${path}: version ${data.version}, this program knows ${VERSION}`)
}

/**
 * Holds each file of a backup against its manifest, and its journal against itself. Throws LoricaError LRC-5001 or LRC-5010 for the first that
 * is not as it was written.
 */
export async function checkBackup(
  disk: Disk,
  dir: string,
  manifest: BackupManifest,
  progress: Progress,
): Promise<void> {
  for (const [index, { path, sizeBytes, sha256 }] of manifest.files.entries()) {
    const found = await hashFile(disk, join(dir, path)).catch((error: unknown) => {
      throw new LoricaError('LRC-5010', `${join(dir, path)}: ${(error as Error).message}`, { cause: error })
    })
    if (found.sha256 !== sha256 || found.sizeBytes !== sizeBytes)
      throw new LoricaError('LRC-5010', `${join(dir, path)}: is not as it was written`, {
        expected: `${sizeBytes} bytes with the SHA-256 ${sha256}`,
        received: `${found.sizeBytes} bytes with the SHA-256 ${found.sha256}`,
      })
    progress(index + 1, manifest.files.length)
  }
  const path = join(dir, JOURNAL_FILE)
  const { end } = replay(path, linesOf(Buffer.from(await disk.read(path)).toString('utf8')))
  if (end.seq !== manifest.lines || end.hash !== manifest.hash)
    throw new LoricaError('LRC-5010', `${path}: expected ${manifest.lines} lines, received ${end.seq}`)
}

function damaged(path: string, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-5002', `${path}: has the SHA-256 ${received}`, { expected, received })
}

function missingOrDisk(error: unknown, path: string): LoricaError {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return diskError(error, path)
  return new LoricaError('LRC-5002', `${path}: is gone`, { expected: 'a file that the journal speaks of' })
}
