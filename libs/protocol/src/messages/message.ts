import { z } from 'zod'
import type { ErrorCode } from '../errors/code.js'
import { LoricaError } from '../errors/lorica-error.js'
import { errorOf, refusalSchema } from '../errors/refusal.js'
import { unknownKey } from './unknown-key.js'

/** Checks untrusted data against a schema. Throws LoricaError `code` that names the first field that is wrong. */
export function readMessage<T>(
  schema: z.ZodType<T>,
  name: string,
  raw: unknown,
  code: ErrorCode = 'LRC-1007',
): T {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  if (issue?.code === 'unrecognized_keys') {
    const { problem, ...context } = unknownKey(schema, issue.path, issue.keys[0] ?? '')
    const place = issue.path.length === 0 ? '' : `"${issue.path.map(String).join('.')}": `
    throw new LoricaError(code, `${name}: ${place}${problem}`, context)
  }
  const path = issue === undefined || issue.path.length === 0 ? 'message' : issue.path.map(String).join('.')
  const problem = plainProblem(issue?.message ?? 'unknown')
  const received = describe(raw, issue?.path)
  throw new LoricaError(code, `${name}: "${path}": ${problem}, received ${received}`, {
    expected: problem.replace(/^expected /, ''),
    received,
  })
}

/** zod's sentence without its preamble and without the type that came: what came is described better. */
function plainProblem(message: string): string {
  return message.replace(/^Invalid input: /, '').replace(/, received \w+$/, '')
}

/** What every emit is answered with: the fields of the reply with `ok: true`, or `ok: false` and a refusal. */
export type Reply<T extends object> =
  | (T & { readonly ok: true })
  | { readonly ok: false; readonly refusal: z.infer<typeof refusalSchema> }

const refusedSchema = z.strictObject({ ok: z.literal(false), refusal: refusalSchema })

/** The fields of a reply. Throws the refusal as a LoricaError when there is one, LRC-1012 when the reply is malformed. */
export function readReply<T extends object>(schema: z.ZodType<T>, name: string, raw: unknown): T {
  if (typeof raw === 'object' && raw !== null && 'ok' in raw && raw.ok === false) {
    throw errorOf(readMessage(refusedSchema, `reply to ${name}`, raw, 'LRC-1012').refusal)
  }
  if (typeof raw !== 'object' || raw === null || !('ok' in raw) || raw.ok !== true) {
    throw new LoricaError('LRC-1012', `reply to ${name}: expected a map with "ok"`, {
      expected: 'ok: true or false',
    })
  }
  const { ok: _, ...fields } = raw
  return readMessage(schema, `reply to ${name}`, fields, 'LRC-1012')
}

function describe(raw: unknown, path: readonly PropertyKey[] | undefined): string {
  let value: unknown = raw
  for (const key of path ?? []) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return 'nothing'
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  return Array.isArray(value)
    ? `a list of ${value.length}`
    : value instanceof Uint8Array
      ? `${value.byteLength} bytes`
      : typeof value
}
