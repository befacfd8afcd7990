import { join } from 'node:path'
import {
  type Identity,
  LoricaError,
  manifestId,
  type Release,
  type ReleaseManifest,
  type ReleaseView,
  signManifest,
  verifyRelease,
} from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import { writeDurably } from '../store/durable.js'

/** The releases of a coordinator: immutable, signed, numbered from 1 without holes. */
export interface Registry {
  readonly nextVersion: () => number
  /** Gives out the next version, to one release at a time: `act` prepares and confirms it, or leaves it to the next. */
  withVersion<T>(act: (version: number) => Promise<T>): Promise<T>
  /** Signs a manifest and writes it; the release counts once `confirm` is called. */
  prepare(manifest: ReleaseManifest): Promise<Release>
  /** Makes a prepared release the newest. */
  confirm(release: Release): void
  all(): readonly ReleaseView[]
  find(name: string): ReleaseView | undefined
}

/**
 * Opens the releases in `folder` and verifies each of the `names` that the journal knows; a folder that it does not know is
 * a release that a crash left unfinished, and is written again. Throws LoricaError LRC-5002.
 */
export async function openRegistry(
  disk: Disk,
  folder: string,
  identity: Identity,
  names: readonly string[],
): Promise<Registry> {
  const views = new Map<string, ReleaseView>()
  const add = (release: Release) => {
    const view = viewOf(release, identity.publicKey)
    views.set(view.name, view)
  }
  if (names.length > 0)
    await disk.list(folder).catch((error: unknown) => Promise.reject(diskError(error, folder)))
  for (const name of names) add(await readRelease(disk, join(folder, name)))
  const nextVersion = () => views.size + 1
  let last: Promise<unknown> = Promise.resolve()
  return {
    nextVersion,
    withVersion(act) {
      const turn = last.then(() => act(nextVersion()))
      last = turn.catch(() => undefined)
      return turn
    },
    async prepare(manifest) {
      const release = signManifest(identity, manifest)
      const place = join(folder, manifest.name)
      try {
        await Promise.all([
          writeDurably(disk, join(place, 'manifest.json'), release.manifest),
          writeDurably(disk, join(place, 'manifest.sig'), release.signature),
        ])
      } catch (error) {
        throw diskError(error, place)
      }
      return release
    },
    confirm: add,
    all: () => [...views.values()],
    find: (name) => views.get(name),
  }
}

async function readRelease(disk: Disk, place: string): Promise<Release> {
  try {
    const [manifest, signature] = await Promise.all(
      ['manifest.json', 'manifest.sig'].map((name) => disk.read(join(place, name))),
    )
    return { manifest: textOf(manifest!), signature: textOf(signature!) }
  } catch (cause) {
    throw new LoricaError('LRC-5002', `${place}: ${(cause as Error).message}`, { cause })
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

function viewOf(release: Release, publicKey: string): ReleaseView {
  try {
    const manifest = verifyRelease(release, publicKey)
    return { name: manifest.name, id: manifestId(release), manifest, signed: release }
  } catch (cause) {
    throw new LoricaError('LRC-5002', `a stored release does not verify: ${(cause as Error).message}`, {
      cause,
    })
  }
}
