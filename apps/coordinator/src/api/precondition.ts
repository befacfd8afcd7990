import type { IncomingHttpHeaders } from 'node:http'
import { LoricaError } from '@lorica/protocol'

/** What headers of these names say, for the document of a route. */
export const preconditionHeaders = {
  'if-match': 'the entity tag that it was read with: it counts only while it is still so',
  'if-none-match': '* : it counts only while there is none',
} as const

/** The entity tag of a state: https://www.rfc-editor.org/rfc/rfc9110#field.etag */
export const entityTag = (state: string): string => `"${state}"`

/**
 * Throws LoricaError LRC-1015 when a request is to count only while something is as it was read, and its `state` is another by now;
 * null: it is not there.
 */
export function expectUnchanged(headers: IncomingHttpHeaders, state: string | null): void {
  const received = state === null ? 'nothing' : entityTag(state)
  const wanted = headers['if-match']
  if (wanted !== undefined && !includes(wanted, state)) throw changed(wanted, received)
  const unwanted = headers['if-none-match']
  if (unwanted !== undefined && includes(unwanted, state)) throw changed(`none of ${unwanted}`, received)
}

function includes(tags: string, state: string | null): boolean {
  if (state === null) return false
  return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim() === entityTag(state))
}

function changed(expected: string, received: string): LoricaError {
  return new LoricaError('LRC-1015', `it is ${received} by now`, { expected, received })
}
