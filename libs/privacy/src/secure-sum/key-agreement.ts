/**
 * Keys that two agents share: X25519 (https://www.rfc-editor.org/rfc/rfc7748), then HKDF with SHA-256
 * (https://www.rfc-editor.org/rfc/rfc5869) with what the key is for in its info, so that no key serves twice.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto'

const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex') // what stands before the 32 raw bytes
const SPKI_BYTES = 12 // what stands before the 32 raw bytes of a public key

/** The public key of 32 secret bytes. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(secret)).export({ format: 'der', type: 'spki' })
  return Uint8Array.from(der.subarray(SPKI_BYTES))
}

/** Gives the secret that the holder of a key pair and a peer have in common, 32 bytes, by the public key of the peer. */
export type Agreement = (peerPublicKey: Uint8Array) => Uint8Array

/**
 * What the holder of a secret agrees on with each peer: derive keys from it, never use it as one. Reading the secret is what takes time,
 * and is done once. The agreement throws RangeError for a public key that gives everybody the same secret (a point of small order).
 */
export function agreement(secret: Uint8Array): Agreement {
  const own = privateKey(secret)
  return (peerPublicKey) => {
    const x = Buffer.from(sized(peerPublicKey, 'peerPublicKey')).toString('base64url')
    try {
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' }) // 20 times as fast as DER
      return Uint8Array.from(diffieHellman({ privateKey: own, publicKey: key }))
    } catch (cause) {
      throw new RangeError(
        'peerPublicKey expected a point that can agree on a secret, got one of small order',
        {
          cause,
        },
      )
    }
  }
}

/** A key of 32 bytes for one use: `context` says which round it is of (the salt), `use` what for and between whom. */
export function deriveKey(secret: Uint8Array, context: Uint8Array, use: readonly string[]): Uint8Array {
  const info = JSON.stringify(['lorica-secure-sum', ...use])
  return new Uint8Array(hkdfSync('sha256', sized(secret, 'secret'), context, info, 32))
}

function privateKey(secret: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([pkcs8, sized(secret, 'secret')]),
    format: 'der',
    type: 'pkcs8',
  })
}

function sized(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length !== 32) throw new RangeError(`${name} expected 32 bytes, got ${bytes.length}`)
  return bytes
}
