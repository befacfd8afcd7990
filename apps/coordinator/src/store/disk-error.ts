import { LoricaError } from '@lorica/protocol'

/** A file system error as a coded one: full disks are LRC-5005, everything else LRC-5004. */
export function diskError(cause: unknown, path: string): LoricaError {
  if (cause instanceof LoricaError) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new LoricaError(isFull ? 'LRC-5005' : 'LRC-5004', `${path}: ${message}`, { cause })
}
