import { readFile, writeFile } from 'node:fs/promises'
import {
  createIdentity,
  type Identity,
  LoricaError,
  parseRoot,
  type Root,
  readMessage,
  restoreIdentity,
  type SignedRoot,
  signedRootSchema,
  storeIdentity,
} from '@lorica/protocol'

/** A root in a file, with the signatures that it has so far. Throws LoricaError LRC-8003 or LRC-6103. */
export async function readRoot(path: string): Promise<{ readonly signed: SignedRoot; readonly root: Root }> {
  const signed = readMessage(signedRootSchema, path, await readJson(path), 'LRC-6103')
  return { signed, root: parseRoot(signed.root) }
}

/** Writes a root. */
export function writeRoot(path: string, signed: SignedRoot): Promise<void> {
  return writeFile(path, `${JSON.stringify(signed, null, 1)}\n`)
}

/** A key pair in a file. Throws LoricaError LRC-8003. */
export async function readKey(path: string): Promise<Identity> {
  try {
    return restoreIdentity(await readJson(path))
  } catch (cause) {
    throw new LoricaError('LRC-8003', `${path}: ${(cause as Error).message}`, {
      expected: 'a key file that `lorica trust key` wrote',
      cause,
    })
  }
}

/** Makes a key pair in a new file that only its owner can read. Throws LoricaError LRC-8003 when there is one. */
export async function createKey(path: string): Promise<Identity> {
  const key = createIdentity()
  await writeNew(path, `${JSON.stringify(storeIdentity(key))}\n`)
  return key
}

/** Writes a new file that only its owner can read. */
export async function writeNew(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true }).catch((cause: Error) => {
    throw new LoricaError('LRC-8003', `${path}: ${cause.message}`, {
      expected: 'a path that nothing has',
      cause,
    })
  })
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new LoricaError('LRC-8003', `${path}: ${(cause as Error).message}`, {
      expected: 'a JSON file',
      cause,
    })
  }
}
