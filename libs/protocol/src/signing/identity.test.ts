import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  createIdentity,
  fingerprintOf,
  idOf,
  restoreIdentity,
  signText,
  storeIdentity,
  verifyText,
} from './identity.js'

// Test 2 of RFC 8032, section 7.1: the message is the one byte 0x72.
const publicHex = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'
const secretHex = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
const signatureHex =
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
const url = (text: string) => Buffer.from(text, 'hex').toString('base64url')
const known = { kty: 'OKP', crv: 'Ed25519', x: url(publicHex), d: url(secretHex) }

describe('identity', () => {
  test('signatures are those of RFC 8032', () => {
    const identity = restoreIdentity(known)
    expect(signText(identity, 'r')).toBe(url(signatureHex))
    expect(verifyText(url(publicHex), 'r', url(signatureHex))).toBe(true)
    expect(verifyText(url(publicHex), 's', url(signatureHex))).toBe(false)
  })

  test('ids and fingerprints are hashes of the 32 raw bytes of the key', () => {
    const digest = createHash('sha256').update(Buffer.from(publicHex, 'hex'))
    const whole = digest.digest()
    expect(idOf(url(publicHex))).toBe(whole.toString('hex').slice(0, 32))
    expect(fingerprintOf(url(publicHex))).toBe(whole.toString('base64url'))
  })

  test('an identity read from its file signs as before', () => {
    const identity = createIdentity()
    const again = restoreIdentity(JSON.parse(JSON.stringify(storeIdentity(identity))))
    expect(again.id).toBe(identity.id)
    expect(verifyText(identity.publicKey, 'a text', signText(again, 'a text'))).toBe(true)
  })

  test('a file whose halves do not belong together is refused', () => {
    const other = storeIdentity(createIdentity())
    expect(() => restoreIdentity({ ...known, x: other.x })).toThrow()
    expect(() => restoreIdentity({ ...known, crv: 'X25519' })).toThrow('Ed25519 JSON Web Key')
    expect(() => restoreIdentity(null)).toThrow('Ed25519 JSON Web Key')
  })

  test('malformed keys and signatures are false, not errors', () => {
    expect(verifyText('short', 'r', url(signatureHex))).toBe(false)
    expect(verifyText(url(publicHex), 'r', 'short')).toBe(false)
    expect(verifyText('_'.repeat(43), 'r', url(signatureHex))).toBe(false)
  })
})
