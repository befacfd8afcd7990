import { isIP } from 'node:net'
import { LoricaError, PROTOCOL_VERSION } from '@lorica/protocol'
import { exchange, goodBody } from './exchange.js'
import { trustedAgent } from './trust.js'

/**
 * Sends JSON to the coordinator's HTTP address. `pin` is the fingerprint of its key: over TLS, its certificate has to be one that this
 * key vouches for. Throws its problem document, LRC-2018 or LRC-2008 when it is another, LRC-8002 when nothing answers.
 */
export async function postJson(url: string, path: string, body: unknown, pin: string): Promise<unknown> {
  const agent = await trustedAgent(url, pin)
  const headers = { 'content-type': 'application/json', 'x-lorica-protocol': String(PROTOCOL_VERSION) }
  const answer = await exchange(`${url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    agent,
  })
  return goodBody(`${url}${path}`, answer)
}

/** Throws LoricaError LRC-2019 for an address that is plain HTTP beyond this machine, unless its owner said that this is meant. */
export function expectPrivate(url: string, isInsecure: boolean): void {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:' || isInsecure || isThisMachine(hostname)) return
  throw new LoricaError('LRC-2019', `${protocol}//${hostname} is reached by plain HTTP`, {
    expected: 'https, or --insecure',
    received: protocol.slice(0, -1),
  })
}

/** Whether an address of a URL is that of this machine, so that what is sent to it does not leave it. */
export function isThisMachine(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true
  return isIP(hostname) === 4 && hostname.startsWith('127.')
}
