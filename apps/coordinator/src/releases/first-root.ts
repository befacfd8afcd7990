/**
 * A first root that was signed elsewhere: what the machine makes for it beforehand, and what is looked at before it is in force.
 * @module
 */
import { join } from 'node:path'
import {
  createIdentity,
  expectFresh,
  type Identity,
  LoricaError,
  pinOf,
  readMessage,
  restoreIdentity,
  type SignedRoot,
  signedRootSchema,
  storeIdentity,
  verifyRoot,
} from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { writeDurably } from '../store/durable.js'
import { openIdentity } from '../store/secret.js'

/** The public keys of a coordinator that waits for its first root. */
export interface Prepared {
  readonly fleet: string // its own key, which says which fleet a root is of
  readonly releaseKey: string
}

const MARK = 'prepared.json' // beside the roots: no root is made here

/**
 * Makes the identity and the release key of the coordinator in `dir`, which has no root yet, and says their public keys; the same ones when it is
 * asked again. Throws LoricaError LRC-5013 when the folder has a root, LRC-5004 or LRC-5012 when what is there cannot be read.
 */
export async function prepare(disk: Disk, dir: string): Promise<Prepared> {
  const folder = join(dir, 'trust')
  const names = await disk.list(folder)
  if (names.includes('root-1.json'))
    throw new LoricaError('LRC-5013', `${dir}: this coordinator has a root already`, {
      expected: 'a new folder',
      received: 'a folder that a coordinator was started in',
      action: 'Change who may sign with `lorica trust draft`, `sign` and `publish`, or prepare a new folder.',
    })
  const { publicKey: fleet } = await openIdentity(disk, join(dir, 'identity.json'))
  if (names.includes(MARK)) return { fleet, releaseKey: await markedKey(disk, join(folder, MARK)) }
  const key = createIdentity()
  await writeDurably(disk, join(folder, 'keys', `${key.id}.json`), JSON.stringify(storeIdentity(key)))
  await writeDurably(disk, join(folder, MARK), JSON.stringify({ releaseKey: key.publicKey }))
  return { fleet, releaseKey: key.publicKey }
}

/** Reads the file of a root that was signed elsewhere. Throws LoricaError LRC-6103. */
export async function readGivenRoot(disk: Disk, path: string): Promise<SignedRoot> {
  try {
    const raw: unknown = JSON.parse(Buffer.from(await disk.read(path)).toString('utf8'))
    return readMessage(signedRootSchema, path, raw, 'LRC-6103')
  } catch (cause) {
    if (cause instanceof LoricaError) throw cause
    throw new LoricaError('LRC-6103', `--root ${path}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * The first root of a folder that has none: the given one, checked, or null when the coordinator is to make one with keys of its own. Throws LoricaError LRC-5014
 * where a folder was prepared and no root is given, LRC-6103 to LRC-6107 for a root that cannot be a first one of this coordinator.
 */
export async function givenFirst(
  disk: Disk,
  folder: string,
  given: SignedRoot | undefined,
  { identity, nowMs }: { readonly identity: Identity; readonly nowMs: number },
): Promise<SignedRoot | null> {
  if (given === undefined) {
    if (!(await disk.list(folder)).includes(MARK)) return null
    throw new LoricaError('LRC-5014', 'this coordinator waits for a root that is signed elsewhere', {
      expected: '--root FILE',
      received: 'no root',
    })
  }
  const root = verifyRoot(given, null)
  if (root.fleet !== identity.publicKey)
    throw new LoricaError('LRC-6106', 'the root is of another fleet', {
      expected: identity.publicKey,
      received: root.fleet,
    })
  if (root.version !== 1)
    throw new LoricaError('LRC-6105', 'a coordinator begins with the first root', {
      expected: 'version 1',
      received: `version ${root.version}`,
    })
  expectFresh(root, nowMs)
  return given
}

/** Throws LoricaError LRC-5013 where a folder began with another root than the given one. */
export function expectBegunWith(roots: readonly SignedRoot[], given: SignedRoot | undefined): void {
  const [first] = roots
  if (given === undefined || first === undefined || first.root === given.root) return
  throw new LoricaError('LRC-5013', 'the folder of this coordinator has another root than --root says', {
    expected: `the fingerprint ${pinOf(given).fingerprint}`,
    received: pinOf(first).fingerprint,
  })
}

async function markedKey(disk: Disk, path: string): Promise<string> {
  const { releaseKey } = JSON.parse(Buffer.from(await disk.read(path)).toString('utf8')) as Partial<Prepared>
  const folder = join(path, '..', 'keys')
  for (const name of await disk.list(folder)) {
    const key = restoreIdentity(JSON.parse(Buffer.from(await disk.read(join(folder, name))).toString('utf8')))
    if (key.publicKey === releaseKey) return releaseKey
  }
  throw new LoricaError('LRC-5012', `${path}: the release key that was made is gone`, {
    expected: releaseKey ?? 'a release key',
    received: 'no such file in keys/',
  })
}
