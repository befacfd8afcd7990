import {
  createIdentity,
  fingerprintOf,
  idOf,
  LoricaError,
  parseChallenge,
  parseRotated,
  type Rotated,
  rotateText,
  signText,
} from '@lorica/protocol'
import type { Host } from '../host.js'
import { readSettings, writeSettings } from '../store/settings.js'
import { dropNextIdentity, readIdentity, readNextIdentity, writeNextIdentity } from './identity.js'

/** What became of a rotation. */
export interface Rotation extends Rotated {
  readonly keyId: string // of the next key
}

/**
 * Makes a new key for the agent of a folder and offers it to the coordinator, proven by the key that it has. That one stays valid until
 * the next one has connected, which an agent that runs does at once, unless an operator has to approve it first. Throws
 * LRC-8001 when the folder belongs to no fleet, the coordinator's refusal, or LRC-8002 when it does not answer.
 */
export async function rotateKey(
  folder: string,
  { post, disk }: Pick<Host, 'post' | 'disk'>,
): Promise<Rotation> {
  const settings = await readSettings(folder)
  const identity = await readIdentity(folder, disk)
  if (settings === undefined || identity === undefined) {
    throw new LoricaError('LRC-8001', `no agent joined from ${folder}`, {
      expected: 'the folder of an agent',
    })
  }
  const { url, coordinatorPublicKey } = settings
  const pin = fingerprintOf(coordinatorPublicKey)
  const { publicKey } = identity
  const { nonce } = parseChallenge(await post(url, '/api/v1/agents/challenge', { publicKey }, pin))
  const known = await readNextIdentity(folder, disk)
  const next = known ?? createIdentity()
  await writeSettings(folder, { ...settings, isRotated: true })
  await writeNextIdentity(folder, next, disk)
  const text = rotateText(idOf(coordinatorPublicKey), nonce, next.publicKey)
  const signatures = { signature: signText(identity, text), nextSignature: signText(next, text) }
  const request = { publicKey, nextPublicKey: next.publicKey, nonce, ...signatures }
  try {
    const rotated = parseRotated(await post(url, '/api/v1/agents/rotate', request, pin))
    return { ...rotated, keyId: next.id }
  } catch (error) {
    const isLost = error instanceof LoricaError && error.code === 'LRC-8002' // it may have been taken all the same
    if (!isLost && known === undefined) await dropNextIdentity(folder, disk)
    throw error
  }
}
