import { join } from 'node:path'
import {
  createIdentity,
  type Identity,
  introductionText,
  LoricaError,
  type Proof,
  parseRoot,
  proveText,
  type Root,
  restoreIdentity,
  type SignedRoot,
  signedRootSchema,
  signersAmong,
  signText,
  storeIdentity,
  type TrustLetter,
  verifyRoot,
} from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { writeDurably } from '../store/durable.js'
import { expectBegunWith, givenFirst } from './first-root.js'
import { firstRoot, isDue, nextRoot } from './next-root.js'

/** The roots of a fleet and the keys that its coordinator holds. */
export interface FleetTrust {
  /** Whether the first root was made just now. */
  readonly isNew: boolean
  /** The root in force. */
  root(): Root
  /** All roots, oldest first. */
  roots(): readonly SignedRoot[]
  /** Signs a text with the release key in force. */
  prove(text: string): Proof
  /** The root keys that lie in the folder of the coordinator, where whoever takes over the machine has them. */
  rootKeysHere(): Promise<readonly string[]>
  /** What an agent is told that trusts the root `above`, in this order; nothing when it has the newest. */
  letters(above: number): readonly TrustLetter[]
  /** Takes the next root, and signs with its release key from now on. Throws LoricaError LRC-6103 to LRC-6106, or LRC-5012. */
  publish(signed: SignedRoot): Promise<Root>
  /** Makes a release key and the root that names it alone; published at once when enough root keys are here. */
  rotate(): Promise<{ readonly root: SignedRoot; readonly isPublished: boolean }>
  /** Publishes the same root with later dates, when it is due and the root keys are here; says whether it did. */
  renew(): Promise<boolean>
}

const ROOTS_AT_ONCE = 8 // of one letter

/**
 * Opens the folder of roots and keys. A new one begins with `given`, a root that was signed elsewhere, or else with one that is made here. Throws LoricaError
 * LRC-5012 when a file of it is damaged, or when no release key of the newest root is there; LRC-5013, LRC-5014 and LRC-6103 to LRC-6107 for a `given` that
 * cannot be its first.
 */
export async function openTrust(
  disk: Disk,
  folder: string,
  {
    identity,
    nowMs,
    given,
  }: {
    readonly identity: Identity
    readonly nowMs: () => number
    readonly given?: SignedRoot | undefined
  },
): Promise<FleetTrust> {
  const held = new Map<string, Identity>()
  const look = async () => {
    held.clear() // operators take keys away and bring others
    for (const key of await heldKeys(disk, folder)) held.set(key.publicKey, key)
  }
  await look()
  const keep = async (key: Identity): Promise<Identity> => {
    await writeDurably(disk, join(folder, 'keys', `${key.id}.json`), JSON.stringify(storeIdentity(key)))
    held.set(key.publicKey, key)
    return key
  }
  const roots = [...(await readRoots(disk, folder))]
  const isNew = roots.length === 0
  if (isNew) {
    const begun = await givenFirst(disk, folder, given, { identity, nowMs: nowMs() })
    if (begun !== null) releaseKeyOf(parseRoot(begun.root), held)
    const first =
      begun ??
      firstRoot(identity.publicKey, await keep(createIdentity()), await keep(createIdentity()), nowMs())
    await writeRoot(disk, folder, first, 1)
    roots.push(first)
  }
  expectBegunWith(roots, given)
  let root = rootOf(roots, identity)
  let releaseKey = releaseKeyOf(root, held)
  let proofs = new Map<string, Proof>()
  const rootKeys = () => [...held.values()].filter(({ publicKey }) => root.rootKeys.includes(publicKey))
  const publish: FleetTrust['publish'] = async (signed) => {
    await look()
    const next = verifyRoot(signed, root)
    const nextKey = releaseKeyOf(next, held)
    const before = root
    await writeRoot(disk, folder, signed, next.version)
    roots.push(signed)
    root = next
    releaseKey = nextKey
    proofs = new Map()
    for (const key of before.releaseKeys) {
      const retired = next.releaseKeys.includes(key) ? undefined : held.get(key)
      if (retired === undefined) continue
      held.delete(key)
      await disk.remove(join(folder, 'keys', `${retired.id}.json`)) // it can sign nothing any more, whoever takes the folder
    }
    return next
  }
  const draft = (change: Parameters<typeof nextRoot>[1]) =>
    nextRoot(root, change, { keys: rootKeys(), nowMs: nowMs() })
  const publishIfSigned = async (signed: SignedRoot): Promise<boolean> => {
    if (signersAmong(signed, root.rootKeys) < root.threshold) return false
    await publish(signed)
    return true
  }
  return {
    isNew,
    root: () => root,
    roots: () => roots,
    prove(text) {
      const known = proofs.get(text) ?? proveText(releaseKey, text)
      proofs.set(text, known)
      return known
    },
    async rootKeysHere() {
      await look()
      return rootKeys().map(({ publicKey }) => publicKey)
    },
    letters(above) {
      const letters: TrustLetter[] = []
      for (let from = above; from < roots.length; from += ROOTS_AT_ONCE) {
        const newer = roots.slice(from, from + ROOTS_AT_ONCE)
        const [first] = newer as [SignedRoot]
        letters.push({ roots: newer, introduction: signText(identity, introductionText(first.root)) })
      }
      return letters
    },
    publish,
    async rotate() {
      await look()
      const { publicKey } = await keep(createIdentity())
      const next = draft({ releaseKeys: [publicKey] })
      return { root: next, isPublished: await publishIfSigned(next) }
    },
    async renew() {
      if (!isDue(root, nowMs())) return false
      await look()
      return publishIfSigned(draft({}))
    },
  }
}

const rootPath = (folder: string, version: number): string => join(folder, `root-${version}.json`)

function writeRoot(disk: Disk, folder: string, signed: SignedRoot, version: number): Promise<void> {
  return writeDurably(disk, rootPath(folder, version), `${JSON.stringify(signed)}\n`)
}

async function heldKeys(disk: Disk, folder: string): Promise<readonly Identity[]> {
  const names = (await disk.list(join(folder, 'keys'))).filter((name) => /^[0-9a-f]{32}\.json$/.test(name))
  return Promise.all(
    names.map(async (name) => restoreIdentity(await readJson(disk, join(folder, 'keys', name)))),
  )
}

/** The roots of a folder, unverified. */
async function readRoots(disk: Disk, folder: string): Promise<readonly SignedRoot[]> {
  const names = await disk.list(folder)
  const found: SignedRoot[] = []
  for (let version = 1; names.includes(`root-${version}.json`); version++) {
    const path = rootPath(folder, version)
    const parsed = signedRootSchema.safeParse(await readJson(disk, path))
    if (!parsed.success) throw damaged(path, 'a signed root')
    found.push(parsed.data)
  }
  return found
}

async function readJson(disk: Disk, path: string): Promise<unknown> {
  const text = Buffer.from(await disk.read(path)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    throw damaged(path, 'JSON')
  }
}

/** The newest root, when each follows from the one before. */
function rootOf(roots: readonly SignedRoot[], { publicKey }: Identity): Root {
  let root: Root | null = null
  for (const signed of roots) root = verifyRoot(signed, root)
  if (root?.fleet === publicKey) return root
  throw new LoricaError('LRC-5012', 'the roots in the folder are of another fleet', {
    expected: publicKey,
    received: root?.fleet ?? 'none',
  })
}

function releaseKeyOf({ version, releaseKeys }: Root, held: ReadonlyMap<string, Identity>): Identity {
  const here = releaseKeys.map((key) => held.get(key)).find((key) => key !== undefined)
  if (here !== undefined) return here
  throw new LoricaError(
    'LRC-5012',
    `no release key of root ${version} is in the folder of this coordinator`,
    {
      expected: `the private key of ${releaseKeys.join(' or ')}`,
      received: `keys of ${held.size === 0 ? 'nobody' : [...held.keys()].join(', ')}`,
    },
  )
}

function damaged(path: string, expected: string): LoricaError {
  return new LoricaError('LRC-5012', `${path}: expected ${expected}`, {
    expected,
    received: 'something else',
  })
}
