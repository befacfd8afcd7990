import { z } from 'zod'
import { codes, type ErrorCode, isErrorCode } from '../errors/code.js'
import { asLoricaError, LoricaError } from '../errors/lorica-error.js'

/** An error of the HTTP API: application/problem+json, https://www.rfc-editor.org/rfc/rfc9457 */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('LRC-nnnn, stable; lorica explain tells what it means'),
    detail: z.string(),
    expected: z.string().optional(),
    received: z.string().optional(),
    action: z.string().optional(),
  })
  .meta({ id: 'Problem' })
export type Problem = Readonly<z.infer<typeof problemSchema>>

const statusOf: Partial<Record<ErrorCode, number>> = {
  'LRC-1002': 413,
  'LRC-1014': 422,
  'LRC-1015': 412,
  'LRC-2002': 401,
  'LRC-2003': 401,
  'LRC-2004': 401,
  'LRC-2005': 401,
  'LRC-2006': 401,
  'LRC-2007': 401,
  'LRC-2011': 401,
  'LRC-2012': 401,
  'LRC-2013': 401,
  'LRC-2014': 401,
  'LRC-2015': 403,
  'LRC-2016': 409,
  'LRC-2017': 429,
  'LRC-3004': 404,
  'LRC-3005': 409,
  'LRC-3007': 404,
  'LRC-3008': 404,
  'LRC-3010': 404,
  'LRC-3013': 404,
  'LRC-3019': 404,
  'LRC-3021': 409,
  'LRC-3022': 409,
  'LRC-3023': 409,
  'LRC-5005': 507,
}

/** An error as the body of an answer. Faults of ours are 500 and keep their details. */
export function problemOf(error: unknown): Problem {
  const known = asLoricaError(error)
  const internal = known.code.startsWith('LRC-9') || known.code.startsWith('LRC-5')
  return {
    type: `https://lorica.dev/errors/${known.code}`,
    title: codes[known.code].title,
    status: statusOf[known.code] ?? (internal ? 500 : 400),
    code: known.code,
    detail:
      known.code === 'LRC-9001'
        ? 'internal fault; the log of the coordinator has the details'
        : known.message,
    ...(known.expected === undefined ? {} : { expected: known.expected }),
    ...(known.received === undefined ? {} : { received: known.received }),
    action: known.action,
  }
}

/** A received body as an error to throw, or undefined when it is not a problem document. */
export function errorOfProblem(body: unknown): LoricaError | undefined {
  const parsed = problemSchema.safeParse(body)
  if (!parsed.success) return undefined
  const { code, detail, expected, received, action } = parsed.data
  return new LoricaError(isErrorCode(code) ? code : 'LRC-9001', detail, { expected, received, action })
}
