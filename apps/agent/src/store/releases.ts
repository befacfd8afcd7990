import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { adapterFiles, parseAdapter, type TensorMap, withOwn } from '@lorica/peft-core'
import { LoricaError, manifestId, type Release, type ReleaseManifest, verifyRelease } from '@lorica/protocol'
import { z } from 'zod'
import type { Blobs } from './blobs.js'
import { type Disk, systemDisk } from './disk.js'
import { diskError, readJson, writeJson, writeWhole } from './folder.js'

const latestSchema = z.strictObject({ version: z.int(), name: z.string(), manifestId: z.string() })
type Latest = Readonly<z.infer<typeof latestSchema>>
const ofRunSchema = z.object({ runId: z.string() })
const PERSONAL = 'personal'

/** Releases that this agent verified. Versions only grow, also over restarts. */
export interface Releases {
  /**
   * Verifies a release, gets its files, and keeps it as an ordinary PEFT folder, and in `personal` inside it the same with the own
   * parts of this agent, where it has some. Returns undefined when it is the one in use already. Throws LRC-6005 or LRC-6006, and
   * keeps the one in use.
   */
  take(release: Release): Promise<Taken | undefined>
  /**
   * Verifies a release that a target names, gets its files unless they are here and whole, and keeps it beside those in `kept` and the newest ones. Whether it is newer
   * is not asked: the target was. Throws LRC-6005, LRC-6007, or errors of the link and the disk.
   */
  hold(release: Release, kept: readonly string[]): Promise<Held>
  /** The runs that the releases which are here are of, with those that are being taken. */
  runs(): Promise<ReadonlySet<string>>
}

/** A release that is here. */
export interface Held {
  readonly manifest: ReleaseManifest
  readonly folder: string
  readonly downloadedBytes: number // 0: it was here
}

/** A release that was taken, and where it is. */
export interface Taken {
  readonly manifest: ReleaseManifest
  readonly id: string // the hash of its manifest
  readonly folder: string
  readonly personal: string | null // the folder of the adapter with the own parts of this agent
}

export interface ReleasesOptions {
  readonly folder: string
  readonly blobs: Blobs
  readonly coordinatorPublicKey: string
  /** The hash of the base that a run trains, when this agent knows it: a release of that run is for no other. */
  readonly baseOfRun: (runId: string) => string | undefined
  /** The own parts of this agent beside a release; undefined when it has none. */
  readonly own?: (release: ReleaseManifest) => Promise<TensorMap | undefined>
  /** The releases that targets name, which stay. */
  readonly targeted?: () => Promise<readonly string[]>
  readonly disk?: Disk
}

const KEPT_RELEASES = 3 // so that going back needs no download

/** Opens the releases of a folder. */
export function openReleases({
  folder,
  blobs,
  coordinatorPublicKey,
  baseOfRun,
  own = async () => undefined,
  targeted = async () => [],
  disk = systemDisk(),
}: ReleasesOptions): Releases {
  const latestPath = join(folder, 'latest.json')
  let turn: Promise<unknown> = Promise.resolve()

  const versionsIn = async (): Promise<readonly number[]> =>
    (await disk.list(folder)).flatMap((name) => (/^v\d+$/.test(name) ? [Number(name.slice(1))] : []))
  const forget = async (names: readonly string[]): Promise<void> => {
    const versions = await versionsIn()
    const newest = versions.toSorted((a, b) => b - a).slice(0, KEPT_RELEASES)
    for (const version of versions) {
      const name = `v${version}`
      if (!newest.includes(version) && !names.includes(name)) await disk.remove(join(folder, name))
    }
  }
  const hold = async (release: Release, kept: readonly string[]): Promise<Held> => {
    const signed = verifyRelease(release, coordinatorPublicKey)
    const baseSha256 = baseOfRun(signed.runId)
    const accept = baseSha256 === undefined ? {} : { baseSha256 }
    const manifest = verifyRelease(release, coordinatorPublicKey, accept)
    const target = join(folder, manifest.name)
    const isHere = await holds(target, release, coordinatorPublicKey, disk)
    const downloadedBytes = isHere ? 0 : await blobs.missingBytes(manifest.files)
    if (!isHere) await assemble(target, release, manifest, { blobs, own, disk })
    const latest = await readLatest(disk, latestPath)
    if ((latest?.version ?? 0) < manifest.version) {
      const now: Latest = { version: manifest.version, name: manifest.name, manifestId: manifestId(release) }
      await writeJson(latestPath, now, { disk, isDurable: true })
    }
    await forget([manifest.name, ...kept])
    return { manifest, folder: target, downloadedBytes }
  }
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
    const isCompleted = await assemble(target, release, manifest, { blobs, own, disk })
    const latestNow: Latest = { version: manifest.version, name: manifest.name, manifestId: id }
    await writeJson(latestPath, latestNow, { disk, isDurable: true })
    await forget(await targeted())
    return { manifest, id, folder: target, personal: isCompleted ? join(target, PERSONAL) : null }
  }
  return {
    hold(release, kept) {
      const held = turn.then(() => hold(release, kept))
      turn = held.catch(() => {})
      return held
    },
    take(release) {
      const taken = turn.then(() => take(release))
      turn = taken.catch(() => {})
      return taken
    },
    async runs() {
      await turn
      const versions = await versionsIn()
      const manifests = await Promise.all(
        versions.map((version) =>
          readJson(join(folder, `v${version}`, 'manifest.json'), disk).catch(() => undefined),
        ),
      )
      return new Set(manifests.flatMap((manifest) => ofRunSchema.safeParse(manifest).data?.runId ?? []))
    },
  }
}

async function assemble(
  target: string,
  release: Release,
  manifest: ReleaseManifest,
  { blobs, own, disk }: Required<Pick<ReleasesOptions, 'blobs' | 'own' | 'disk'>>,
): Promise<boolean> {
  const staging = disk.temporaryPath(target)
  const write = (name: string, bytes: Uint8Array): Promise<void> =>
    writeWhole(join(staging, name), bytes, { disk, isDurable: true })
  try {
    const files = new Map<string, Uint8Array>()
    for (const file of manifest.files) files.set(file.path, await blobs.bytes(file))
    const personal = completed(files, await own(manifest))
    for (const [path, bytes] of [...files, ...personal]) await write(path, bytes)
    await write('manifest.json', Buffer.from(release.manifest, 'utf8'))
    await write('manifest.sig', Buffer.from(release.signature, 'utf8'))
    await disk.remove(target)
    await disk.rename(staging, target)
    await disk.flushFolder(dirname(target))
    return personal.size > 0
  } catch (cause) {
    throw diskError(target, cause)
  } finally {
    await disk.remove(staging)
  }
}

/** The files of a release with the own parts of this agent, by path; none when it has none. */
function completed(
  files: ReadonlyMap<string, Uint8Array>,
  own: TensorMap | undefined,
): ReadonlyMap<string, Uint8Array> {
  const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map((name) =>
    files.get(name),
  )
  if (own === undefined || config === undefined || weights === undefined) return new Map()
  const adapter = parseAdapter({ 'adapter_config.json': config, 'adapter_model.safetensors': weights })
  const whole = Object.entries(adapterFiles(withOwn(adapter, own)))
  return new Map(whole.map(([name, bytes]) => [`${PERSONAL}/${name}`, bytes]))
}

/**
 * The release that a folder of releases took last, verified anew: signed by the coordinator, and its files as it says. Undefined
 * before the first. Throws LRC-6005, or LRC-6007 for files that are not those of the release.
 */
export async function latestRelease(
  folder: string,
  coordinatorPublicKey: string,
  disk: Disk = systemDisk(),
): Promise<Taken | undefined> {
  const latest = await readLatest(disk, join(folder, 'latest.json'))
  return latest === undefined
    ? undefined
    : await releaseIn(join(folder, latest.name), coordinatorPublicKey, disk)
}

/** The release in a folder, verified anew. Throws as `latestRelease`. */
export async function releaseIn(
  place: string,
  coordinatorPublicKey: string,
  disk: Disk = systemDisk(),
): Promise<Taken> {
  const [text, signature] = await Promise.all(
    ['manifest.json', 'manifest.sig'].map(async (name) =>
      Buffer.from(await disk.read(join(place, name))).toString('utf8'),
    ),
  )
  const release = { manifest: text ?? '', signature: signature ?? '' }
  const manifest = verifyRelease(release, coordinatorPublicKey)
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
async function holds(
  place: string,
  release: Release,
  coordinatorPublicKey: string,
  disk: Disk,
): Promise<boolean> {
  const found = await disk.read(join(place, 'manifest.json')).catch(() => undefined)
  if (found === undefined || Buffer.from(found).toString('utf8') !== release.manifest) return false
  return await releaseIn(place, coordinatorPublicKey, disk).then(
    () => true,
    () => false,
  )
}

/** The version of the release that a folder of releases took last, unverified; 0 before the first. */
export async function latestVersion(folder: string, disk: Disk = systemDisk()): Promise<number> {
  return (await readLatest(disk, join(folder, 'latest.json')))?.version ?? 0
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
