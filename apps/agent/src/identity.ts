import { join } from 'node:path'
import { createIdentity, type Identity, LoricaError, restoreIdentity, storeIdentity } from '@lorica/protocol'
import { readJson, writeJson } from './store/folder.js'

const FILE = 'identity.json'

/**
 * The Ed25519 key pair of this agent. It is made on this machine, kept in a file that only its owner can read, and
 * never sent; the coordinator knows the public half only.
 */
export async function readIdentity(folder: string): Promise<Identity | undefined> {
  const stored = await readJson(join(folder, FILE))
  if (stored === undefined) return undefined
  try {
    return restoreIdentity(stored)
  } catch (cause) {
    throw new LoricaError('LRC-2004', `${join(folder, FILE)}: ${(cause as Error).message}`, {
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
export async function writeIdentity(folder: string, identity: Identity): Promise<void> {
  await writeJson(join(folder, FILE), storeIdentity(identity), { mode: 0o600, isDurable: true })
}
