/**
 * Keys that two agents share: X25519 (https://www.rfc-editor.org/rfc/rfc7748), then HKDF with SHA-256
 * (https://www.rfc-editor.org/rfc/rfc5869) with what the key is for in its info, so that no key serves twice.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto'

const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex') // what stands before the 32 raw bytes
const spki = Buffer.from('302a300506032b656e032100', 'hex')

/** The public key of 32 secret bytes. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(secret)).export({ format: 'der', type: 'spki' })
  return Uint8Array.from(der.subarray(spki.length))
}

/**
 * The secret that the holders of two key pairs have in common, 32 bytes: derive keys from it, never use it as one.
 * Throws RangeError for a public key that gives everybody the same secret (a point of small order).
 */
export function agree(secret: Uint8Array, peerPublicKey: Uint8Array): Uint8Array {
  const own = privateKey(secret)
  try {
    const key = createPublicKey({
      key: Buffer.concat([spki, sized(peerPublicKey, 'peerPublicKey')]),
      format: 'der',
      type: 'spki',
    })
    return Uint8Array.from(diffieHellman({ privateKey: own, publicKey: key }))
  } catch (cause) {
    if (cause instanceof RangeError) throw cause
    throw new RangeError(
      'peerPublicKey expected a point that can agree on a secret, got one of small order',
      {
        cause,
      },
    )
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
