import { LoricaError } from '../errors/lorica-error.js'
import { type Identity, signText, verifyText } from '../signing/identity.js'
import type { Root } from './root.js'

/** A signature by a release key over the text of a document. */
export interface Proof {
  readonly key: string
  readonly signature: string
}

/** A text that was signed: by the key of the coordinator, which says which fleet it is of, and by a release key. */
export interface SignedText {
  readonly text: string // canonical JSON
  readonly signature: string // by the coordinator
  readonly proof?: Proof | undefined // absent: by a coordinator that has no root
}

/** What a verifier knows of a fleet. */
export interface Trust {
  readonly fleet: string // the key of the coordinator
  readonly root: Root | null // null: none was seen yet, so the key of the coordinator alone decides
  readonly past: readonly string[] // release keys of earlier roots: for what was taken while they were in force
  readonly nowMs: number
}

/** A trust in the key of a coordinator alone: that of an agent which has seen no root. */
export function pinnedTrust(fleet: string): Trust {
  return { fleet, root: null, past: [], nowMs: 0 }
}

/** Signs a text with a release key. */
export function proveText(releaseKey: Identity, text: string): Proof {
  return { key: releaseKey.publicKey, signature: signText(releaseKey, provenText(text)) }
}

/**
 * Checks who signed a text. `isKept` is for what was taken before and is read again: an expired root and retired keys will do, and
 * none where there was no root yet; a revoked key will not. Throws LoricaError LRC-6005 for a signature that is not over this text, LRC-6101 for one by a key that may
 * not sign, LRC-6102 by one that is revoked, LRC-6107 when the root has expired.
 */
export function verifySigned(signed: SignedText, trust: Trust, isKept = false): void {
  const { root, fleet } = trust
  const { proof } = signed
  if (root !== null) {
    if (proof === undefined && !isKept) throw notEntitled('no signature by a release key', root)
  }
  if (root !== null && proof !== undefined) {
    if (root.revokedKeys.includes(proof.key)) throw revoked(proof.key, root)
    const isEntitled = root.releaseKeys.includes(proof.key) || (isKept && trust.past.includes(proof.key))
    if (!isEntitled) throw notEntitled(`one by ${proof.key}`, root)
    if (!verifyText(proof.key, provenText(signed.text), proof.signature)) throw notSigned(proof.key)
    if (!isKept) expectFresh(root, trust.nowMs)
  }
  if (!verifyText(fleet, signed.text, signed.signature)) throw notSigned(`the coordinator of this fleet`)
}

/** Throws LoricaError LRC-6107 for a root that has expired: what it hides may be years old. */
export function expectFresh({ version, expiresAt }: Root, nowMs: number): void {
  if (nowMs < Date.parse(expiresAt)) return
  throw new LoricaError('LRC-6107', `root ${version} of this fleet has expired`, {
    expected: `a root that is valid after ${expiresAt}`,
    received: `it is ${new Date(nowMs).toISOString()} here`,
  })
}

function provenText(text: string): string {
  return `lorica-release\n${text}`
}

function notEntitled(received: string, { version, releaseKeys }: Root): LoricaError {
  return new LoricaError('LRC-6101', `not signed by a release key of root ${version}`, {
    expected: `a signature by ${releaseKeys.join(' or ')}`,
    received,
  })
}

function revoked(key: string, { version }: Root): LoricaError {
  return new LoricaError('LRC-6102', `signed by a key that root ${version} revokes`, {
    expected: 'a key that is in force',
    received: key,
  })
}

function notSigned(by: string): LoricaError {
  return new LoricaError('LRC-6005', `the text does not have the signature that it came with`, {
    expected: `a signature by ${by} over this text`,
    received: 'another',
  })
}
