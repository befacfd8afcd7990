import { codes, type ErrorCode } from './code.js'

/** What was expected, what came, and what to do. All are short texts fit for a terminal. */
export interface ErrorContext {
  readonly expected?: string | undefined
  readonly received?: string | undefined
  readonly action?: string | undefined
  readonly cause?: unknown
}

/** The one error that crosses a boundary: between processes, between packages, or to a person. `code` is stable. */
export class LoricaError extends Error {
  readonly code: ErrorCode
  readonly expected: string | undefined
  readonly received: string | undefined
  readonly action: string

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = 'LoricaError'
    this.code = code
    this.expected = context.expected
    this.received = context.received
    this.action = context.action ?? codes[code].action
  }
}

/** `error` itself when it carries a code, otherwise the fault wrapped as LRC-9001. */
export function asLoricaError(error: unknown): LoricaError {
  if (error instanceof LoricaError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new LoricaError('LRC-9001', message, { cause: error })
}
