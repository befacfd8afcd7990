import type { IncomingMessage } from 'node:http'
import { ApiError, invalid } from '../api/api-error.js'

/** The JSON of a request, of at most `mostBytes`. ApiError when it is none, or larger. */
export async function jsonBody(request: IncomingMessage, mostBytes: number): Promise<unknown> {
  // A page of another site can send a form or plain text to this machine without being asked, but not this.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new ApiError(415, 'expected the content type application/json')
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += (part as Buffer).length
    if (size > mostBytes) throw new ApiError(413, `expected a body of at most ${mostBytes} bytes`)
    parts.push(part as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch (cause) {
    throw invalid(`the body is no JSON: ${(cause as Error).message}`)
  }
}
