import { z } from 'zod'
import { isErrorCode } from './code.js'
import { asLoricaError, LoricaError } from './lorica-error.js'

const line = z.string().max(2000)

/** A refusal as it travels: a code with a page, and what was expected, what came, and what to do. */
export const refusalSchema = z.strictObject({
  code: z.string().regex(/^LRC-\d{4}$/),
  message: line,
  expected: line.optional(),
  received: line.optional(),
  action: line.optional(),
})
export type Refusal = Readonly<z.infer<typeof refusalSchema>>

/** An error as the refusal that the other side is sent. Faults of ours travel without their details. */
export function refusalOf(error: unknown): Refusal {
  const known = asLoricaError(error)
  if (known.code === 'LRC-9001') {
    return { code: 'LRC-9001', message: 'internal fault; the log of the other side has the details' }
  }
  return {
    code: known.code,
    message: known.message.slice(0, 2000),
    ...(known.expected === undefined ? {} : { expected: known.expected.slice(0, 2000) }),
    ...(known.received === undefined ? {} : { received: known.received.slice(0, 2000) }),
    action: known.action.slice(0, 2000),
  }
}

/** A received refusal as an error to throw. A code that this version does not know stays in the text. */
export function errorOf(refusal: Refusal): LoricaError {
  const { code, message, ...context } = refusal
  return isErrorCode(code)
    ? new LoricaError(code, message, context)
    : new LoricaError('LRC-1012', `${message} (${code})`, context)
}
