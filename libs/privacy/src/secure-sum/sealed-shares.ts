/**
 * Shares on their way from one agent to another, through a coordinator that must not read them: AES-256-GCM.
 * https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf
 *
 * @module
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { deriveKey } from './key-agreement.js'
import { SHARE_BYTES } from './secret-shares.js'
import type { SealedShares } from './terms.js'

/** A share of the self seed and one of the secret of the mask key, both of one agent. */
export interface SharePair {
  readonly seedShare: Uint8Array // 33 bytes
  readonly keyShare: Uint8Array // 33 bytes
}

/** What binds sealed shares to one round and one direction: the roster's digest, who sends and who receives. */
export interface SealContext {
  readonly rosterDigest: Uint8Array
  readonly from: string
  readonly to: string
}

const TAG_BYTES = 16
const nonce = new Uint8Array(12) // the key is of one message only

/** Seals shares under the secret that both agents agreed on. */
export function sealShares(secret: Uint8Array, context: SealContext, pair: SharePair): SealedShares {
  const { key, bound } = keyOf(secret, context)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound)
  const body = [cipher.update(pair.seedShare), cipher.update(pair.keyShare), cipher.final()]
  return {
    from: context.from,
    to: context.to,
    sealed: Uint8Array.from(Buffer.concat([...body, cipher.getAuthTag()])),
  }
}

/** Opens sealed shares; null when they were not sealed with this secret for this round and direction. */
export function openShares(secret: Uint8Array, context: SealContext, sealed: Uint8Array): SharePair | null {
  if (sealed.length !== 2 * SHARE_BYTES + TAG_BYTES) return null
  const { key, bound } = keyOf(secret, context)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(bound).setAuthTag(sealed.subarray(2 * SHARE_BYTES))
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, 2 * SHARE_BYTES)), decipher.final()])
    return {
      seedShare: Uint8Array.from(plain.subarray(0, SHARE_BYTES)),
      keyShare: Uint8Array.from(plain.subarray(SHARE_BYTES)),
    }
  } catch {
    return null
  }
}

function keyOf(secret: Uint8Array, { rosterDigest, from, to }: SealContext) {
  const bound = Buffer.from(JSON.stringify([Buffer.from(rosterDigest).toString('hex'), from, to]))
  return { key: deriveKey(secret, rosterDigest, ['share', from, to]), bound }
}
