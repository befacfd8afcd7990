/**
 * Releases that an agent has: read again, and verified anew.
 * @module
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  LoricaError,
  manifestId,
  parseRelease,
  type Release,
  type ReleaseManifest,
  type Trust,
  verifyRelease,
} from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson } from './folder.js'

const latestSchema = z.strictObject({
  version: z.int(),
  name: z.string(),
  manifestId: z.string(),
  key: z.string().optional(), // that signed it: once that is revoked, its version holds nothing back
})
/** The highest version that was seen here. */
export type Latest = Readonly<z.infer<typeof latestSchema>>

/** The folder within a release that has the own parts of this agent. */
export const PERSONAL = 'personal'

/** A release that was taken, and where it is. */
export interface Taken {
  readonly manifest: ReleaseManifest
  readonly id: string // the hash of its manifest
  readonly folder: string
  readonly personal: string | null // the folder of the adapter with the own parts of this agent
}

/**
 * The release that a folder of releases took last, verified anew: signed by the coordinator, and its files as it says. Undefined
 * before the first. Throws LRC-6005, or LRC-6007 for files that are not those of the release.
 */
export async function latestRelease(
  folder: string,
  trust: Trust,
  disk: Disk = systemDisk(),
): Promise<Taken | undefined> {
  const latest = await readLatest(disk, join(folder, 'latest.json'))
  return latest === undefined ? undefined : await releaseIn(join(folder, latest.name), trust, disk)
}

/** The release in a folder, verified anew. Throws as `latestRelease`. */
export async function releaseIn(place: string, trust: Trust, disk: Disk = systemDisk()): Promise<Taken> {
  const release = await readRelease(place, disk)
  const manifest = verifyRelease(release, trust, { isKept: true })
  for (const { path, sha256 } of manifest.files) {
    const found = createHash('sha256')
      .update(await disk.read(join(place, path)))
      .digest('hex')
    if (found === sha256) continue
    throw new LoricaError('LRC-6007', `${join(place, path)} is not the file of release ${manifest.name}`, {
      expected: `sha256 ${sha256}`,
      received: found,
    })
  }
  const hasOwn = (await disk.list(join(place, PERSONAL))).length > 0
  return { manifest, id: manifestId(release), folder: place, personal: hasOwn ? join(place, PERSONAL) : null }
}

/** Whether a folder has exactly this release, its files as they were signed. */
export async function holds(place: string, release: Release, trust: Trust, disk: Disk): Promise<boolean> {
  const found = await disk.read(join(place, 'manifest.json')).catch(() => undefined)
  if (found === undefined || Buffer.from(found).toString('utf8') !== release.manifest) return false
  return await releaseIn(place, trust, disk).then(
    () => true,
    () => false,
  )
}

/** A release as it was kept: what its manifest says, and who signed it. */
async function readRelease(place: string, disk: Disk): Promise<Release> {
  const [manifest = '', signature = ''] = await Promise.all(
    ['manifest.json', 'manifest.sig'].map(async (name) =>
      Buffer.from(await disk.read(join(place, name))).toString('utf8'),
    ),
  )
  const proof = (await readJson(join(place, 'manifest.proof'), disk)) as Release['proof']
  return parseRelease({ manifest, signature, ...(proof === undefined ? {} : { proof }) })
}

/** The version that a release has to be above: none once the key that signed the latest is revoked, whoever counted it up. */
export function highestOf(latest: Latest | undefined, { root }: Trust): number {
  if (latest === undefined || root?.revokedKeys.includes(latest.key ?? '') === true) return 0
  return latest.version
}

/** The version of the release that a folder of releases took last, unverified; 0 before the first. */
export async function latestVersion(folder: string, disk: Disk = systemDisk()): Promise<number> {
  return (await readLatest(disk, join(folder, 'latest.json')))?.version ?? 0
}

export async function readLatest(disk: Disk, path: string): Promise<Latest | undefined> {
  const stored = await readJson(path, disk)
  if (stored === undefined) return undefined
  const parsed = latestSchema.safeParse(stored)
  if (parsed.success) return parsed.data
  throw new LoricaError('LRC-8003', `${path}: expected the record of the latest release`, {
    action: 'Restore the file; without it an older release could be taken for a new one.',
  })
}
