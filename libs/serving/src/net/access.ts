/**
 * Who may ask: on the machine itself everybody who is not led there by a web page, elsewhere whoever has the key.
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { ApiError } from '../api/api-error.js'

export interface Access {
  /** What `authorization: Bearer …` has to say; absent, nothing. */
  readonly key?: string | undefined
  /** Whether the server listens on the machine itself only. */
  readonly isLocal: boolean
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** ApiError when a request may not ask. */
export function expectAccess({ headers }: Pick<IncomingMessage, 'headers'>, { key, isLocal }: Access): void {
  // A name that a web page's owner points at this machine would let the page read what is answered.
  if (isLocal && !isLocalHost(headers.host ?? ''))
    throw new ApiError(403, `expected to be asked as localhost or 127.0.0.1, got "${headers.host}"`)
  if (key === undefined) return
  const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
  if (given !== undefined && timingSafeEqual(digest(given), digest(key))) return
  throw new ApiError(401, 'expected the API key of this server (authorization: Bearer …)', {
    code: 'invalid_api_key',
  })
}

/** Whether a host, with or without a port, is this machine under a name that nobody else can give it. */
export function isLocalHost(host: string): boolean {
  const name = /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/^([^:]*):\d+$/, '$1')
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}
