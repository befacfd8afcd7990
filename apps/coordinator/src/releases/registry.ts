import { join } from 'node:path'
import {
  type Identity,
  LoricaError,
  manifestId,
  type Proof,
  type Release,
  type ReleaseManifest,
  type ReleaseView,
  signManifest,
  verifyRelease,
} from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import { moveDurably, writeDurably } from '../store/durable.js'

/** A release as the journal has it. */
export interface ReleaseName {
  readonly name: string
  readonly id: string | null // the hash of its manifest; null: the journal of an earlier version does not say
}

/** The releases of a coordinator: immutable, signed, numbered from 1 without holes. */
export interface Registry {
  readonly nextVersion: () => number
  /** Gives out the next version, to one release at a time: `act` prepares and confirms it, or leaves it to the next. */
  withVersion<T>(act: (version: number) => Promise<T>): Promise<T>
  /** Signs a manifest and writes it beside the releases: it becomes one when the journal has it and `confirm` is called. */
  prepare(manifest: ReleaseManifest): Promise<Release>
  /** Makes a prepared release that the journal has the newest. */
  confirm(release: Release): Promise<void>
  all(): readonly ReleaseView[]
  find(name: string): ReleaseView | undefined
  /** Signs a text with the release key in force; undefined where there is none. */
  readonly prove: (text: string) => Proof | undefined
}

/**
 * Opens the releases in `folder` and verifies each of the `names` that the journal knows. A manifest is prepared in a folder that is named for
 * its hash and renamed once the journal has it, so that neither a crash nor a coordinator that was replaced leaves another one
 * in its place. Throws LoricaError LRC-5002.
 */
export async function openRegistry(
  disk: Disk,
  folder: string,
  identity: Identity,
  names: () => readonly ReleaseName[],
  prove: (text: string) => Proof | undefined = () => undefined,
): Promise<Registry> {
  const views = new Map<string, ReleaseView>()
  const add = (release: Release) => {
    const view = viewOf(release, identity.publicKey)
    views.set(view.name, view)
  }
  if (names().length > 0)
    await disk.list(folder).catch((error: unknown) => Promise.reject(diskError(error, folder)))
  for (const { name, id } of names()) {
    if (id !== null) await settle(disk, folder, { name, id })
    const release = await readRelease(disk, join(folder, name))
    add(release)
    if (id !== null && manifestId(release) !== id) throw anotherRelease(name, id, manifestId(release))
  }
  // The proof is made anew when asked for: it is by the release key that is in force.
  const proven = (release: Release): Release => {
    const proof = prove(release.manifest)
    return proof === undefined ? release : { ...release, proof }
  }
  const shown = (view: ReleaseView): ReleaseView => ({ ...view, signed: proven(view.signed) })
  const nextVersion = () => names().length + 1
  let last: Promise<unknown> = Promise.resolve()
  return {
    nextVersion,
    prove,
    withVersion(act) {
      const turn = last.then(() => act(nextVersion()))
      last = turn.catch(() => undefined)
      return turn
    },
    async prepare(manifest) {
      const release = proven(signManifest(identity, manifest))
      const place = preparedPath(folder, manifest.name, manifestId(release))
      try {
        await Promise.all([
          writeDurably(disk, join(place, 'manifest.json'), release.manifest),
          writeDurably(disk, join(place, 'manifest.sig'), release.signature),
        ])
        await disk.flushFolder(folder)
      } catch (error) {
        throw diskError(error, place)
      }
      return release
    },
    async confirm(release) {
      add(release)
      const { name, id } = viewOf(release, identity.publicKey)
      await settle(disk, folder, { name, id })
    },
    all: () => [...views.values()].map(shown),
    find(name) {
      const view = views.get(name)
      return view && shown(view)
    },
  }
}

/** Where a manifest waits for the journal. */
export function preparedPath(folder: string, name: string, id: string): string {
  return join(folder, `${name}.${id.slice(0, 16)}`)
}

/** Where the manifest of a release lies: under its name, or still where it was prepared. */
export async function releasePath(disk: Disk, folder: string, { name, id }: ReleaseName): Promise<string> {
  const prepared = id === null ? undefined : preparedPath(folder, name, id)
  if (prepared === undefined) return join(folder, name)
  const isPrepared = (await disk.sizeOf(join(prepared, 'manifest.json'))) !== undefined
  return isPrepared ? prepared : join(folder, name)
}

/** Gives a prepared release its name, unless that was done; another coordinator may be at it too. */
async function settle(disk: Disk, folder: string, { name, id }: { name: string; id: string }): Promise<void> {
  const prepared = preparedPath(folder, name, id)
  if ((await disk.sizeOf(join(prepared, 'manifest.json'))) === undefined) return
  const place = join(folder, name)
  const isThere = () =>
    readRelease(disk, place).then(
      (found) => manifestId(found) === id,
      () => false,
    )
  try {
    const isInTheWay = (await disk.list(place)).length > 0 // looked up first: what comes there later is the release
    if (await isThere()) return await disk.remove(prepared)
    if (isInTheWay) await disk.remove(place)
    await moveDurably(disk, prepared, place)
  } catch (error) {
    if (!(await isThere())) throw diskError(error, place)
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

function anotherRelease(name: string, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-5002', `release ${name} is not the one that the journal has`, {
    expected: `a manifest with the SHA-256 ${expected}`,
    received,
  })
}
