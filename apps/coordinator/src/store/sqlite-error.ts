import { LoricaError } from '@lorica/protocol'

/** An error of SQLite as a coded one: a full disk is LRC-5005, a damaged file LRC-5006, one in use LRC-5003, everything else LRC-5004. */
export function sqliteError(cause: unknown, path: string): LoricaError {
  if (cause instanceof LoricaError) return cause
  const { code = '', message } = cause as { code?: string; message: string }
  const is = (...names: readonly string[]) => names.some((name) => code.startsWith(name))
  if (is('SQLITE_FULL', 'ENOSPC', 'EDQUOT'))
    return new LoricaError('LRC-5005', `${path}: ${message}`, { cause })
  if (is('SQLITE_CORRUPT', 'SQLITE_NOTADB'))
    return new LoricaError('LRC-5006', `${path}: ${message}`, { cause })
  if (is('SQLITE_BUSY', 'SQLITE_LOCKED'))
    return new LoricaError('LRC-5003', `${path}: another process holds the database and does not answer`, {
      cause,
    })
  return new LoricaError('LRC-5004', `${path}: ${message}`, { cause })
}
