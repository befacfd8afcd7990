import { EngineError } from '@lorica/peft-core'
import { type ErrorCode, LoricaError } from '@lorica/protocol'

/** What the system says when there is no room to write, whatever was being written. */
const full: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS'])

const plain: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'reading or writing it is not allowed',
  EPERM: 'reading or writing it is not allowed',
  EISDIR: 'expected a file, got a folder',
  ENOTDIR: 'a file stands where a folder is due',
  EEXIST: 'a file stands where a folder is due',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than the disk allows',
  EROFS: 'the disk can only be read',
}

/**
 * Runs a step of a command. An error that has no code yet gets `code`; an engine that ended by itself, training that
 * diverged and a disk that takes no more have codes of their own. With LRC-7004, the code of a whole command whose readings
 * have theirs, what the system refuses is what was to be written.
 */
export async function withCode<T>(code: ErrorCode, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw coded(code, error)
  }
}

function coded(code: ErrorCode, error: unknown): unknown {
  if (error instanceof LoricaError) return error
  if (error instanceof EngineError && error.reason !== 'refused')
    return new LoricaError('LRC-6003', error.message, { cause: error })
  if (!(error instanceof Error)) return error
  if (/training diverged/.test(error.message))
    return new LoricaError('LRC-6011', error.message, { cause: error })
  return isOfSystem(error)
    ? codedOfSystem(code, error)
    : new LoricaError(code, error.message, { cause: error })
}

const isOfSystem = (error: Error): error is NodeJS.ErrnoException => 'errno' in error && 'syscall' in error

function codedOfSystem(code: ErrorCode, error: NodeJS.ErrnoException): LoricaError {
  const { code: name = '', path } = error
  const said = plain[name]
  const place = 'dest' in error && typeof error.dest === 'string' ? error.dest : path // of a copy
  const message = said === undefined ? error.message : place === undefined ? said : `${place}: ${said}`
  if (full.has(name)) {
    const action = 'Make room there, or give another place to write to.'
    return new LoricaError('LRC-8003', message, { action, cause: error })
  }
  return new LoricaError(code === 'LRC-7004' ? 'LRC-8003' : code, message, { cause: error })
}
