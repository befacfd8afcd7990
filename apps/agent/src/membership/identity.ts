import { join } from 'node:path'
import { createIdentity, type Identity, LoricaError, restoreIdentity, storeIdentity } from '@lorica/protocol'
import type { Disk } from '../store/disk.js'
import { readJson, writeJson } from '../store/folder.js'

const FILE = 'identity.json'
const NEXT_FILE = 'identity-next.json'

/**
 * The Ed25519 key pair of this agent. It is made on this machine, kept in a file that only its owner can read, and
 * never sent; the coordinator knows the public half only.
 */
export function readIdentity(folder: string, disk?: Disk): Promise<Identity | undefined> {
  return read(join(folder, FILE), disk)
}

/** The key pair that is to replace it, while that is under way. */
export function readNextIdentity(folder: string, disk?: Disk): Promise<Identity | undefined> {
  return read(join(folder, NEXT_FILE), disk)
}

async function read(path: string, disk?: Disk): Promise<Identity | undefined> {
  const stored = await readJson(path, disk)
  if (stored === undefined) return undefined
  try {
    return restoreIdentity(stored)
  } catch (cause) {
    throw new LoricaError('LRC-2004', `${path}: ${(cause as Error).message}`, {
      expected: 'the key pair that this agent wrote',
      received: 'a damaged file',
      action: 'Restore the file, or join again into an empty folder with a new link.',
      cause,
    })
  }
}

/** A new key pair, in memory only until `writeIdentity`. */
export const newIdentity: () => Identity = createIdentity

/** Keeps the key pair in the folder of the agent, readable by its owner only. */
export async function writeIdentity(folder: string, identity: Identity, disk?: Disk): Promise<void> {
  await writeJson(join(folder, FILE), storeIdentity(identity), {
    mode: 0o600,
    isDurable: true,
    ...(disk && { disk }),
  })
}

/** Keeps the key pair that is to replace it. */
export async function writeNextIdentity(folder: string, identity: Identity, disk: Disk): Promise<void> {
  await writeJson(join(folder, NEXT_FILE), storeIdentity(identity), { mode: 0o600, isDurable: true, disk })
}

/** Forgets the key pair that was to replace it. */
export async function dropNextIdentity(folder: string, disk: Disk): Promise<void> {
  await disk.remove(join(folder, NEXT_FILE))
}
