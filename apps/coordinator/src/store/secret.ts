import { createIdentity, type Identity, LoricaError, restoreIdentity, storeIdentity } from '@lorica/protocol'
import type { Random } from '../random.js'
import type { Disk } from './disk.js'
import { writeDurably } from './durable.js'

/** The identity of a folder: read, or created when the folder is new. Throws LoricaError LRC-5004. */
export async function openIdentity(disk: Disk, path: string): Promise<Identity> {
  const text = await readOrCreate(disk, path, () => JSON.stringify(storeIdentity(createIdentity())))
  try {
    return restoreIdentity(JSON.parse(text))
  } catch (cause) {
    throw new LoricaError('LRC-5004', `${path}: ${(cause as Error).message}`, { cause })
  }
}

/** The operator token of a folder: 32 random bytes, base64url. */
export async function openAdminToken(disk: Disk, random: Random, path: string): Promise<string> {
  const token = (
    await readOrCreate(disk, path, () => `${Buffer.from(random.bytes(32)).toString('base64url')}\n`)
  ).trim()
  if (/^[A-Za-z0-9_-]{32,128}$/.test(token)) return token
  throw new LoricaError('LRC-5004', `${path}: expected a token of 32 to 128 base64url characters`)
}

async function readOrCreate(disk: Disk, path: string, create: () => string): Promise<string> {
  try {
    return Buffer.from(await disk.read(path)).toString('utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = create()
  await writeDurably(disk, path, text) // whole or not at all: half a key would keep the coordinator from starting
  return text
}
