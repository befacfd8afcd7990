import { dirname, join } from 'node:path'
import { adapterFiles, parseAdapter, type TensorMap, withOwn } from '@lorica/peft-core'
import {
  LoricaError,
  limits,
  manifestId,
  type Release,
  type ReleaseManifest,
  type Trust,
  verifyRelease,
} from '@lorica/protocol'
import { z } from 'zod'
import type { Blobs } from './blobs.js'
import { type Disk, systemDisk } from './disk.js'
import { diskError, readJson, writeJson, writeWhole } from './folder.js'
import { highestOf, holds, type Latest, PERSONAL, readLatest, type Taken } from './kept-release.js'

const ofRunSchema = z.object({ runId: z.string() })

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

export interface ReleasesOptions {
  readonly folder: string
  readonly blobs: Blobs
  /** What is known of the fleet now. */
  readonly trust: () => Promise<Trust>
  /** The hash of the base that a run trains, when this agent knows it: a release of that run is for no other. */
  readonly baseOfRun: (runId: string) => string | undefined
  /** The own parts of this agent beside a release; undefined when it has none. */
  readonly own?: (release: ReleaseManifest) => Promise<TensorMap | undefined>
  /** The releases that targets name, which stay. */
  readonly targeted?: () => Promise<readonly string[]>
  readonly disk?: Disk
}

const ADAPTER_FILES: readonly string[] = ['adapter_config.json', 'adapter_model.safetensors']
const KEPT_RELEASES = 3 // so that going back needs no download

/** Opens the releases of a folder. */
export function openReleases({
  folder,
  blobs,
  trust: currentTrust,
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
  /** Verifies what may be verified before anything is downloaded. */
  const verified = async (release: Release, trust: Trust, newerThan?: number): Promise<ReleaseManifest> => {
    const baseSha256 = baseOfRun(verifyRelease(release, trust).runId)
    const manifest = verifyRelease(release, trust, {
      ...(newerThan === undefined ? {} : { newerThan }),
      ...(baseSha256 === undefined ? {} : { baseSha256 }),
    })
    expectAdapter(manifest)
    return manifest
  }
  const note = (release: Release, { version, name }: ReleaseManifest): Promise<void> => {
    const key = release.proof === undefined ? {} : { key: release.proof.key }
    const latest: Latest = { version, name, manifestId: manifestId(release), ...key }
    return writeJson(latestPath, latest, { disk, isDurable: true })
  }
  const hold = async (release: Release, kept: readonly string[]): Promise<Held> => {
    const trust = await currentTrust()
    const manifest = await verified(release, trust)
    const target = join(folder, manifest.name)
    const isHere = await holds(target, release, trust, disk)
    const downloadedBytes = isHere ? 0 : await blobs.missingBytes(manifest.files)
    if (!isHere) await assemble(target, release, manifest, { blobs, own, disk })
    if (highestOf(await readLatest(disk, latestPath), trust) < manifest.version) await note(release, manifest)
    await forget([manifest.name, ...kept])
    return { manifest, folder: target, downloadedBytes }
  }
  const take: Releases['take'] = async (release) => {
    const [latest, trust] = [await readLatest(disk, latestPath), await currentTrust()]
    const id = manifestId(release)
    verifyRelease(release, trust)
    if (latest?.manifestId === id) return undefined
    const manifest = await verified(release, trust, highestOf(latest, trust))
    const target = join(folder, manifest.name)
    const isCompleted = await assemble(target, release, manifest, { blobs, own, disk })
    await note(release, manifest)
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
    if (release.proof !== undefined) await write('manifest.proof', Buffer.from(JSON.stringify(release.proof)))
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

/** Throws LRC-6111 or LRC-6110 unless the files of a release are those of an adapter, of no more bytes than one may have. */
function expectAdapter({ name, files }: ReleaseManifest): void {
  const [extra] = files.filter(({ path }) => !ADAPTER_FILES.includes(path))
  if (extra !== undefined)
    throw new LoricaError('LRC-6111', `release ${name} has the file "${extra.path}"`, {
      expected: ADAPTER_FILES.join(', '),
      received: files
        .map(({ path }) => path)
        .join(', ')
        .slice(0, 400),
    })
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  if (sizeBytes <= limits.releaseBytes) return
  throw new LoricaError('LRC-6110', `release ${name} is larger than an adapter may be`, {
    expected: `at most ${limits.releaseBytes} bytes`,
    received: `${sizeBytes} bytes`,
  })
}
