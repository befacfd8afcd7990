import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { publicKeySchema } from '../messages/field.js'

/** An Ed25519 key pair that can sign. The private key stays in the process and in the owner's folder. */
export interface Identity {
  readonly id: string // idOf(publicKey)
  readonly publicKey: string // 32 raw bytes, base64url
  readonly privateKey: KeyObject
}

/** The form of an identity in a file that only its owner can read: a JSON Web Key (RFC 8037). */
export const storedIdentitySchema = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: publicKeySchema,
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})
export type StoredIdentity = Readonly<z.infer<typeof storedIdentitySchema>>

/** A new identity from the operating system's randomness. */
export function createIdentity(): Identity {
  return identityOf(generateKeyPairSync('ed25519').privateKey)
}

/** An identity read from its file. Throws TypeError when the file does not hold an Ed25519 key pair. */
export function restoreIdentity(stored: unknown): Identity {
  const parsed = storedIdentitySchema.safeParse(stored)
  if (!parsed.success) throw new TypeError('identity expected an Ed25519 JSON Web Key')
  const identity = identityOf(createPrivateKey({ key: parsed.data, format: 'jwk' }))
  if (identity.publicKey !== parsed.data.x)
    throw new TypeError('identity has a public key that is not of its private key')
  return identity
}

/** What to write into the identity file. Keep it secret. */
export function storeIdentity(identity: Identity): StoredIdentity {
  return storedIdentitySchema.parse(identity.privateKey.export({ format: 'jwk' }))
}

/** The id of a key: the first 32 hexadecimal digits of the SHA-256 of its 32 raw bytes. */
export function idOf(publicKey: string): string {
  return createHash('sha256').update(rawKey(publicKey)).digest('hex').slice(0, 32)
}

/** The fingerprint that a join link pins: the SHA-256 of the 32 raw bytes of a key, base64url. */
export function fingerprintOf(publicKey: string): string {
  return createHash('sha256').update(rawKey(publicKey)).digest('base64url')
}

/** Ed25519 signature over the UTF-8 bytes of `text`, base64url. https://www.rfc-editor.org/rfc/rfc8032 */
export function signText(identity: Identity, text: string): string {
  return sign(null, Buffer.from(text, 'utf8'), identity.privateKey).toString('base64url')
}

/** Whether `signature` over `text` is by the holder of `publicKey`. Never throws: malformed input is false. */
export function verifyText(publicKey: string, text: string, signature: string): boolean {
  if (!/^[A-Za-z0-9_-]{86}$/.test(signature) || !publicKeySchema.safeParse(publicKey).success) return false
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
    return verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}

function identityOf(privateKey: KeyObject): Identity {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  const publicKey = publicKeySchema.parse(x)
  return { id: idOf(publicKey), publicKey, privateKey }
}

function rawKey(publicKey: string): Buffer {
  const raw = Buffer.from(publicKey, 'base64url')
  if (raw.byteLength !== 32) throw new RangeError(`publicKey expected 32 bytes, got ${raw.byteLength}`)
  return raw
}
