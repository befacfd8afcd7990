import { createPrivateKey } from 'node:crypto'
import { type Identity, restoreIdentity } from '@lorica/protocol'
import { createDice } from './dice.js'

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex') // RFC 8410: what stands before the 32 bytes

const known = new Map<string, Identity>()

/** A real key pair that is the same in every simulation, by the name of who has it. */
export function identityOf(name: string): Identity {
  const kept = known.get(name)
  if (kept !== undefined) return kept
  const secret = createDice(`key of ${name}`).bytes(32)
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, secret]),
    format: 'der',
    type: 'pkcs8',
  })
  const identity = restoreIdentity(key.export({ format: 'jwk' }))
  known.set(name, identity)
  return identity
}
