import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { LoricaError } from '../errors/lorica-error.js'
import { createIdentity } from './identity.js'
import {
  createToken,
  equalTexts,
  isPinnedKey,
  joinLink,
  parseJoinLink,
  tokenSecretSha256,
} from './join-link.js'

const identity = createIdentity()

describe('join link', () => {
  test('a link carries the address, the secret and the key of its coordinator', () => {
    const token = createToken(identity.publicKey)
    const link = parseJoinLink(joinLink('http://127.0.0.1:7410/', token))
    expect(link.url).toBe('http://127.0.0.1:7410')
    expect(link.token).toBe(token)
    expect(link.secretSha256).toBe(createHash('sha256').update(token.split('.')[0]!).digest('hex'))
    expect(tokenSecretSha256(token)).toBe(link.secretSha256)
    expect(isPinnedKey(link, identity.publicKey)).toBe(true)
    expect(isPinnedKey(link, createIdentity().publicKey)).toBe(false)
  })

  test('a link may name a root, and an older one without it reads as before', () => {
    const token = createToken(identity.publicKey)
    const root = { version: 12, fingerprint: 'r'.repeat(43) }
    const link = parseJoinLink(joinLink('http://host:1', token, root))
    expect([link.root, link.token, link.fingerprint]).toEqual([root, token, token.slice(33)])
    expect(tokenSecretSha256(`${token}.12.${root.fingerprint}`)).toBe(link.secretSha256)
    expect(parseJoinLink(joinLink('http://host:1', token)).root).toBeUndefined()
    for (const end of ['.0.', '.01.', '.12', '.-1.', '.1e3.'])
      expect(() => parseJoinLink(`http://host:1#${token}${end}${root.fingerprint}`)).toThrow('join link')
  })

  test('an address below a path keeps it', () => {
    const link = parseJoinLink(joinLink('https://example.org/fleets/one/', createToken(identity.publicKey)))
    expect(link.url).toBe('https://example.org/fleets/one')
  })

  test('malformed links are refused without repeating the secret', () => {
    const token = createToken(identity.publicKey)
    for (const text of [
      `http://host${token}`,
      `ftp://host#${token}`,
      `host#${token}`,
      'http://host#abc',
      `http://host#${token}x`,
      `http://u:p@host#${token}`,
    ]) {
      try {
        parseJoinLink(text)
        expect.fail(`${text} passed`)
      } catch (error) {
        expect((error as LoricaError).code).toBe('LRC-2001')
        expect((error as Error).message).not.toContain(token.slice(0, 32))
      }
    }
  })

  test('texts are compared whole', () => {
    expect(equalTexts('secret', 'secret')).toBe(true)
    expect(equalTexts('secret', 'secreT')).toBe(false)
    expect(equalTexts('secret', 'secret-and-more')).toBe(false)
  })
})
