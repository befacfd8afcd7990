import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { LoricaError } from '../errors/lorica-error.js'
import type { RootPin } from '../trust/signed-root.js'
import { fingerprintOf } from './identity.js'

/** A join link taken apart: http://host:port#SECRET.FINGERPRINT, and of newer coordinators .VERSION.ROOT after it. */
export interface JoinLink {
  readonly url: string // origin and path, without a slash at the end
  readonly token: string // SECRET.FINGERPRINT, as the coordinator wants it
  readonly secretSha256: string // hexadecimal; what the coordinator stores of the token
  readonly fingerprint: string // of the coordinator's key
  readonly root?: RootPin // the root that was in force when it was made; absent: the coordinator is believed about it
}

const TOKEN =
  /^(?<token>(?<secret>[A-Za-z0-9_-]{32})\.(?<key>[A-Za-z0-9_-]{43}))(?:\.(?<version>[1-9]\d{0,8})\.(?<root>[A-Za-z0-9_-]{43}))?$/

/** A new token of a coordinator: 24 random bytes, which nobody else knows, and the fingerprint of its key. */
export function createToken(coordinatorPublicKey: string, secret: Uint8Array = randomBytes(24)): string {
  return `${Buffer.from(secret).toString('base64url')}.${fingerprintOf(coordinatorPublicKey)}`
}

/** The hexadecimal SHA-256 of the secret part of a token, or undefined when the token is malformed. The part of a link that names a root may stand behind it. */
export function tokenSecretSha256(token: string): string | undefined {
  const secret = TOKEN.exec(token)?.groups?.secret
  return secret === undefined ? undefined : createHash('sha256').update(secret, 'utf8').digest('hex')
}

/** What an agent is given to join; `root` is what it is to trust, and no other. */
export function joinLink(url: string, token: string, root?: RootPin): string {
  const pin = root === undefined ? '' : `.${root.version}.${root.fingerprint}`
  return `${url.replace(/\/+$/, '')}#${token}${pin}`
}

/** Takes a join link apart. Throws LoricaError LRC-2001 without repeating the secret. */
export function parseJoinLink(text: string): JoinLink {
  const hash = text.indexOf('#')
  if (hash < 0) throw malformed('a link with # and a token', 'no #')
  const url = urlOf(text.slice(0, hash).trim())
  const word = text.slice(hash + 1).trim()
  const secretSha256 = tokenSecretSha256(word)
  const parts = TOKEN.exec(word)?.groups
  if (secretSha256 === undefined || parts === undefined)
    throw malformed('32 and 43 base64url characters around a dot after #', `${word.length} characters`)
  const { token = '', key: fingerprint = '', version, root } = parts
  const pin = root === undefined ? {} : { root: { version: Number(version), fingerprint: root } }
  return { url, token, secretSha256, fingerprint, ...pin }
}

/** Whether the key is the one that the link pins. */
export function isPinnedKey(link: JoinLink, coordinatorPublicKey: string): boolean {
  return equalTexts(fingerprintOf(coordinatorPublicKey), link.fingerprint)
}

/** Compares secrets in a time that does not depend on where they differ. */
export function equalTexts(a: string, b: string): boolean {
  const digestA = createHash('sha256').update(a, 'utf8').digest()
  const digestB = createHash('sha256').update(b, 'utf8').digest()
  return timingSafeEqual(digestA, digestB)
}

function urlOf(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw malformed('http://host:port before #', 'something else')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw malformed('http or https', url.protocol)
  if (url.search !== '' || url.username !== '') throw malformed('only an address before #', 'more')
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

function malformed(expected: string, received: string): LoricaError {
  return new LoricaError('LRC-2001', `join link: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
