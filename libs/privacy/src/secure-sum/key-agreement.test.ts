import { expect, test } from 'vitest'
import { agreement, deriveKey, publicKeyOf } from './key-agreement.js'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (raw: Uint8Array) => Buffer.from(raw).toString('hex')

test('the agreement is that of RFC 7748, section 6.1', () => {
  const alice = bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
  const bob = bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
  expect(hex(publicKeyOf(alice))).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
  expect(hex(publicKeyOf(bob))).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
  const secret = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'
  expect(hex(agreement(alice)(publicKeyOf(bob)))).toBe(secret)
  expect(hex(agreement(bob)(publicKeyOf(alice)))).toBe(secret)
})

test('a point of small order is refused', () => {
  expect(() => agreement(new Uint8Array(32).fill(7))(new Uint8Array(32))).toThrow(/small order/)
  expect(() => agreement(new Uint8Array(32).fill(7))(new Uint8Array(31))).toThrow(
    /peerPublicKey expected 32 bytes/,
  )
  expect(() => publicKeyOf(new Uint8Array(16))).toThrow(/secret expected 32 bytes, got 16/)
})

test('a derived key is HKDF-SHA-256, and another use or round gives another key', () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i)
  const round = new Uint8Array(32).fill(0xa5)
  expect(hex(deriveKey(secret, round, ['pair', 'ana', 'bo']))).toBe(
    '0a1af1d8a46f09bde49e92494f25d3d614fc35685e7359928afc1fc28337fc6b',
  ) // hmac of Python
  const keys = [
    deriveKey(secret, round, ['pair', 'ana', 'bo']),
    deriveKey(secret, round, ['pair', 'bo', 'ana']),
    deriveKey(secret, round, ['pair', 'anabo', '']),
    deriveKey(secret, round, ['share', 'ana', 'bo']),
    deriveKey(secret, round.with(31, 0), ['pair', 'ana', 'bo']),
    deriveKey(secret.with(0, 1), round, ['pair', 'ana', 'bo']),
  ]
  expect(new Set(keys.map(hex)).size).toBe(keys.length)
})
