import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { createIdentity, type Identity, LoricaError, restoreIdentity, storeIdentity } from '@lorica/protocol'

/** The identity of a folder: read, or created when the folder is new. Throws LoricaError LRC-5004. */
export async function openIdentity(path: string): Promise<Identity> {
  const text = await readOrCreate(path, () => JSON.stringify(storeIdentity(createIdentity())))
  try {
    return restoreIdentity(JSON.parse(text))
  } catch (cause) {
    throw new LoricaError('LRC-5004', `${path}: ${(cause as Error).message}`, { cause })
  }
}

/** The operator token of a folder: 32 random bytes, base64url. */
export async function openAdminToken(path: string): Promise<string> {
  const token = (await readOrCreate(path, () => `${randomBytes(32).toString('base64url')}\n`)).trim()
  if (/^[A-Za-z0-9_-]{32,128}$/.test(token)) return token
  throw new LoricaError('LRC-5004', `${path}: expected a token of 32 to 128 base64url characters`)
}

async function readOrCreate(path: string, create: () => string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = create()
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return text
}
