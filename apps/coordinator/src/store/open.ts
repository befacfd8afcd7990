import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { linesOf } from '../journal/chain.js'
import { diskError } from './disk-error.js'
import { openPostgres } from './postgres.js'
import { openSqlite } from './sqlite.js'
import type { Store } from './store.js'

/** The file of the embedded store in the folder of a coordinator. */
export const STORE_FILE = 'store.db'

/** The journal as lines of JSON: of an earlier version, and in backups. */
export const JOURNAL_FILE = 'journal.jsonl'

/** Which store the folder works with. */
export const BINDING_FILE = 'store-id'

/**
 * Opens the store at `url`, or the one in the folder `dir`, which is made when it is not there; only its owner can read it. Throws
 * LoricaError LRC-5004, LRC-5006 or LRC-5009.
 */
export async function openStore(dir: string, url: string | null, now: () => number): Promise<Store> {
  if (url !== null) return openPostgres(url)
  const path = join(dir, STORE_FILE)
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (error) {
    throw diskError(error, path)
  }
  return openSqlite(path, { now })
}

/** What can be read of a store. */
export type Records = Pick<Store, 'name' | 'read' | 'verify' | 'close'>

/**
 * The records of the store at `url`, or of the folder `dir`, to be read only: its store, or the text file of an earlier version or a backup. Throws LoricaError
 * LRC-5004 when it has none.
 */
export async function openRecords(dir: string, url: string | null): Promise<Records> {
  if (url !== null) return openPostgres(url)
  const path = join(dir, STORE_FILE)
  if (existsSync(path)) return openSqlite(path)
  const name = join(dir, JOURNAL_FILE)
  if (!existsSync(name) && existsSync(join(dir, BINDING_FILE)))
    throw new LoricaError('LRC-5004', `${dir}: its journal is in a database server, name it with --store`)
  try {
    const lines = linesOf(readFileSync(name, 'utf8'))
    return {
      name,
      async *read(after) {
        yield lines.slice(after)
      },
      verify: async () => [],
      close: async () => undefined,
    }
  } catch (error) {
    throw diskError(error, name)
  }
}
