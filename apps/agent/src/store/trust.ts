import { join } from 'node:path'
import {
  expectPinned,
  introductionText,
  LoricaError,
  pinOf,
  type Root,
  type RootPin,
  type SignedRoot,
  signedRootSchema,
  type Trust,
  type TrustLetter,
  verifyRoot,
  verifyText,
} from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const storedSchema = z.strictObject({ schema: z.literal(1), roots: z.array(signedRootSchema).min(1) })

/** Which root of its fleet an agent trusts. It keeps every root that it has seen, the first of them pinned. */
export interface TrustStore {
  /** The version of the root that is trusted; before the first, of the one before that which the join link names, or 0. */
  version(): Promise<number>
  /**
   * What releases are verified with, once every letter that came is read. Throws LoricaError LRC-6112 when the join link names a root
   * that the coordinator has not shown.
   */
  current(): Promise<Trust>
  /**
   * Follows the roots of a letter, as far as they follow from the one that is trusted. Returns the newest, or undefined when none was
   * new. Throws LoricaError LRC-6103 to LRC-6106 for one that does not follow, LRC-2004 for a first one that the coordinator
   * did not introduce, LRC-6112 for one that is not what the join link names; what is trusted stays.
   */
  take(letter: TrustLetter): Promise<Root | undefined>
}

/** Opens the trust of an agent folder; `fleet` is the key of the coordinator that its join link pinned, `pin` the root that it named. */
export function openTrust(
  folder: string,
  fleet: string,
  {
    nowMs,
    disk = systemDisk(),
    pin,
  }: { readonly nowMs: () => number; readonly disk?: Disk; readonly pin?: RootPin | undefined },
): TrustStore {
  const path = join(folder, 'trust.json')
  let turn: Promise<unknown> = Promise.resolve()
  const held = (): Promise<Held> => readRoots(disk, path)
  const take: TrustStore['take'] = async ({ roots, introduction }) => {
    const { signed, parsed } = await held()
    const [kept, texts] = [[...signed], signed.map(({ root }) => root)]
    let root = parsed.at(-1) ?? null
    for (const next of roots) {
      if (texts.includes(next.root)) continue
      if (root === null) {
        expectIntroduced(next, introduction, fleet)
        if (pin !== undefined && pinOf(next).version !== pin.version) throw notShown(pin, pinOf(next))
      }
      expectPinned(next, pin)
      root = verifyRoot(next, root)
      if (root.fleet !== fleet) throw foreign(root, fleet)
      kept.push(next)
    }
    if (kept.length === signed.length) return undefined
    await writeJson(path, { schema: 1, roots: kept }, { disk, isDurable: true })
    return root ?? undefined
  }
  return {
    version: async () => {
      await turn
      return (await held()).parsed.at(-1)?.version ?? (pin?.version ?? 1) - 1
    },
    async current() {
      await turn
      const { parsed } = await held()
      if (pin !== undefined && parsed.length === 0) throw notShown(pin)
      return trustIn(parsed, fleet, nowMs())
    },
    take(letter) {
      const taken = turn.then(() => take(letter))
      turn = taken.catch(() => {})
      return taken
    },
  }
}

interface Held {
  readonly signed: readonly SignedRoot[]
  readonly parsed: readonly Root[]
}

/** The roots of a file, each verified from the one before. */
async function readRoots(disk: Disk, path: string): Promise<Held> {
  const raw = await readJson(path, disk)
  if (raw === undefined) return { signed: [], parsed: [] }
  const stored = storedSchema.safeParse(raw)
  if (!stored.success)
    throw new LoricaError('LRC-8003', `${path}: expected the roots that this agent wrote`, {
      action: 'Restore the file; without it the agent could be told to trust other keys.',
    })
  const parsed: Root[] = []
  for (const signed of stored.data.roots) parsed.push(verifyRoot(signed, parsed.at(-1) ?? null))
  return { signed: stored.data.roots, parsed }
}

function trustIn(roots: readonly Root[], fleet: string, nowMs: number): Trust {
  const root = roots.at(-1) ?? null
  return { fleet, root, past: roots.flatMap(({ releaseKeys }) => releaseKeys), nowMs }
}

/** The trust that an agent folder holds, for programs beside the agent. */
export async function readTrust(folder: string, fleet: string, nowMs: number): Promise<Trust> {
  const { parsed } = await readRoots(systemDisk(), join(folder, 'trust.json'))
  return trustIn(parsed, fleet, nowMs)
}

function expectIntroduced({ root }: SignedRoot, introduction: string, fleet: string): void {
  if (verifyText(fleet, introductionText(root), introduction)) return
  throw new LoricaError('LRC-2004', 'the first root is not introduced by the coordinator of this fleet', {
    expected: `a signature by ${fleet}`,
    received: 'another',
  })
}

/** Throws LoricaError LRC-6112 when a folder holds another root than the one that a link names, of its version. */
export async function expectRootIn(folder: string, pin: RootPin | undefined): Promise<void> {
  const { signed } = await readRoots(systemDisk(), join(folder, 'trust.json'))
  for (const one of signed) expectPinned(one, pin)
}

function notShown({ version, fingerprint }: RootPin, shown?: RootPin): LoricaError {
  return new LoricaError(
    'LRC-6112',
    `the coordinator does not show root ${version}, which the join link names`,
    {
      expected: `root ${version} with the fingerprint ${fingerprint}`,
      received: shown === undefined ? 'no root' : `root ${shown.version}`,
    },
  )
}

function foreign({ version, fleet: received }: Root, expected: string): LoricaError {
  return new LoricaError('LRC-6106', `root ${version} is of another fleet`, { expected, received })
}
