import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LoricaError, manifestId, type Release, type ReleaseManifest, verifyRelease } from '@lorica/protocol'
import { z } from 'zod'
import type { Blobs } from './blobs.js'
import { diskError, readJson, writeJson } from './folder.js'

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
}

const KEPT_RELEASES = 3

/** Opens the releases of a folder. */
export function openReleases({ folder, blobs, coordinatorPublicKey, baseOfRun }: ReleasesOptions): Releases {
  const latestPath = join(folder, 'latest.json')
  let turn: Promise<unknown> = Promise.resolve()

  const take: Releases['take'] = async (release) => {
    const latest = await readLatest(latestPath)
    const id = manifestId(release)
    const manifest = verifyRelease(release, coordinatorPublicKey)
    if (latest?.manifestId === id) return undefined
    const baseSha256 = baseOfRun(manifest.runId)
    verifyRelease(release, coordinatorPublicKey, {
      newerThan: latest?.version ?? 0,
      ...(baseSha256 === undefined ? {} : { baseSha256 }),
    })
    const target = join(folder, manifest.name)
    await assemble(target, release, manifest, blobs)
    await writeJson(latestPath, {
      version: manifest.version,
      name: manifest.name,
      manifestId: id,
    } satisfies Latest)
    await rm(join(folder, `v${manifest.version - KEPT_RELEASES}`), { recursive: true, force: true })
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
  blobs: Blobs,
): Promise<void> {
  const staging = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await mkdir(staging, { recursive: true })
    for (const file of manifest.files) {
      const blob = await blobs.ensure(file)
      await mkdir(dirname(join(staging, file.path)), { recursive: true })
      await copyFile(blob, join(staging, file.path))
    }
    await writeFile(join(staging, 'manifest.json'), release.manifest)
    await writeFile(join(staging, 'manifest.sig'), release.signature)
    await rm(target, { recursive: true, force: true })
    await rename(staging, target)
  } catch (cause) {
    throw diskError(target, cause)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function readLatest(path: string): Promise<Latest | undefined> {
  const stored = await readJson(path)
  if (stored === undefined) return undefined
  const parsed = latestSchema.safeParse(stored)
  if (parsed.success) return parsed.data
  throw new LoricaError('LRC-8003', `${path}: expected the record of the latest release`, {
    action: 'Restore the file; without it an older release could be taken for a new one.',
  })
}
