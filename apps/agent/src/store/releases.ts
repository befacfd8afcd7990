import { dirname, join } from 'node:path'
import { LoricaError, manifestId, type Release, type ReleaseManifest, verifyRelease } from '@lorica/protocol'
import { z } from 'zod'
import type { Blobs } from './blobs.js'
import { type Disk, systemDisk } from './disk.js'
import { diskError, readJson, writeJson, writeWhole } from './folder.js'

const latestSchema = z.strictObject({ version: z.int(), name: z.string(), manifestId: z.string() })
type Latest = Readonly<z.infer<typeof latestSchema>>

/** Releases that this agent verified. Versions only grow, also over restarts. */
export interface Releases {
  /**
   * Verifies a release, gets its files, and keeps it as an ordinary PEFT folder. Returns undefined when it is the one in
   * use already. Throws LRC-6005 or LRC-6006, and keeps the one in use.
   */
  take(release: Release): Promise<{ readonly manifest: ReleaseManifest; readonly folder: string } | undefined>
}

export interface ReleasesOptions {
  readonly folder: string
  readonly blobs: Blobs
  readonly coordinatorPublicKey: string
  /** The hash of the base that a run trains, when this agent knows it: a release of that run is for no other. */
  readonly baseOfRun: (runId: string) => string | undefined
  readonly disk?: Disk
}

const KEPT_RELEASES = 2 // the one in use, and the one before

/** Opens the releases of a folder. */
export function openReleases({
  folder,
  blobs,
  coordinatorPublicKey,
  baseOfRun,
  disk = systemDisk(),
}: ReleasesOptions): Releases {
  const latestPath = join(folder, 'latest.json')
  let turn: Promise<unknown> = Promise.resolve()

  const take: Releases['take'] = async (release) => {
    const latest = await readLatest(disk, latestPath)
    const id = manifestId(release)
    const manifest = verifyRelease(release, coordinatorPublicKey)
    if (latest?.manifestId === id) return undefined
    const baseSha256 = baseOfRun(manifest.runId)
    verifyRelease(release, coordinatorPublicKey, {
      newerThan: latest?.version ?? 0,
      ...(baseSha256 === undefined ? {} : { baseSha256 }),
    })
    const target = join(folder, manifest.name)
    await assemble(target, release, manifest, { blobs, disk })
    const latestNow: Latest = { version: manifest.version, name: manifest.name, manifestId: id }
    await writeJson(latestPath, latestNow, { disk, isDurable: true })
    const versions = (await disk.list(folder)).flatMap((name) =>
      /^v\d+$/.test(name) ? [Number(name.slice(1))] : [],
    )
    const old = versions.toSorted((a, b) => b - a).slice(KEPT_RELEASES)
    for (const version of old) await disk.remove(join(folder, `v${version}`))
    return { manifest, folder: target }
  }
  return {
    take(release) {
      const taken = turn.then(() => take(release))
      turn = taken.catch(() => {})
      return taken
    },
  }
}

async function assemble(
  target: string,
  release: Release,
  manifest: ReleaseManifest,
  { blobs, disk }: { readonly blobs: Blobs; readonly disk: Disk },
): Promise<void> {
  const staging = disk.temporaryPath(target)
  const write = (name: string, bytes: Uint8Array): Promise<void> =>
    writeWhole(join(staging, name), bytes, { disk, isDurable: true })
  try {
    for (const file of manifest.files) await write(file.path, await blobs.bytes(file))
    await write('manifest.json', Buffer.from(release.manifest, 'utf8'))
    await write('manifest.sig', Buffer.from(release.signature, 'utf8'))
    await disk.remove(target)
    await disk.rename(staging, target)
    await disk.flushFolder(dirname(target))
  } catch (cause) {
    throw diskError(target, cause)
  } finally {
    await disk.remove(staging)
  }
}

async function readLatest(disk: Disk, path: string): Promise<Latest | undefined> {
  const stored = await readJson(path, disk)
  if (stored === undefined) return undefined
  const parsed = latestSchema.safeParse(stored)
  if (parsed.success) return parsed.data
  throw new LoricaError('LRC-8003', `${path}: expected the record of the latest release`, {
    action: 'Restore the file; without it an older release could be taken for a new one.',
  })
}
