/**
 * How a command ends when it cannot do its work: one clear error, and exit status 1 (2 when the command line is wrong).
 * @module
 */
import { LoricaError } from '@lorica/protocol'

export interface Failure {
  readonly code?: string
  readonly message: string
  readonly expected?: string
  readonly received?: string
  readonly action?: string
}

/** An error as data. Only errors with a code carry more than a message. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof LoricaError))
    return { message: error instanceof Error ? error.message : String(error) }
  const { code, message, expected, received, action } = error
  return {
    code,
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    action,
  }
}

/** Prints a failure: JSON on stdout when asked for, otherwise lines on stderr. */
export function printFailure(failure: Failure, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ error: failure })}\n`)
    return
  }
  const { code, message, expected, received, action } = failure
  const lines = [
    `error${code === undefined ? '' : ` ${code}`}: ${message}`,
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(received === undefined ? [] : [`  received: ${received}`]),
    ...(action === undefined ? [] : [`  to do:    ${action}`]),
    ...(code === undefined ? [] : [`  more:     lorica explain ${code}`]),
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}
