import { EngineError } from '@lorica/peft-core'
import { type ErrorCode, LoricaError } from '@lorica/protocol'

/**
 * Runs a step of a command. An error that has no code yet gets `code`; a file that is missing or not allowed, and an
 * engine that ended by itself, have codes of their own.
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
  return new LoricaError(code, error.message, { cause: error })
}
