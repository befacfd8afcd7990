import { verifyText } from './identity.js'
import { rotateText } from './proof.js'

/** A key of an agent, and its word that another one follows it. */
export interface KeyRotation {
  readonly publicKey: string // that was replaced
  readonly nonce: string // of the coordinator that was told
  readonly signature: string // by that key, over rotateText with the next one
}

/**
 * Whether a key follows from one that is known, by rotations that each key proved of the next. `isKnown` is asked about each key from the
 * first one on; the key itself counts, too. What comes before a known key is not looked at.
 */
export function followsKnown(
  {
    publicKey,
    rotations = [],
  }: { readonly publicKey: string; readonly rotations?: readonly KeyRotation[] | undefined },
  coordinatorId: string,
  isKnown: (publicKey: string) => boolean,
): boolean {
  const keys = [...rotations.map((rotation) => rotation.publicKey), publicKey]
  const from = keys.findIndex(isKnown)
  return (
    from >= 0 &&
    rotations.slice(from).every(({ publicKey: before, nonce, signature }, at) => {
      const next = keys[from + at + 1] as string
      return verifyText(before, rotateText(coordinatorId, nonce, next), signature)
    })
  )
}

/** Rotations as they are told: publicKey.nonce.signature, oldest first. */
export function rotationsText(rotations: readonly KeyRotation[]): string {
  return rotations.map(({ publicKey, nonce, signature }) => `${publicKey}.${nonce}.${signature}`).join(' ')
}

/** The rotations that a text tells of. */
export function rotationsIn(text: string): readonly KeyRotation[] {
  return text.split(' ').flatMap((one) => {
    const [publicKey, nonce, signature] = one.split('.')
    return publicKey && nonce && signature ? [{ publicKey, nonce, signature }] : []
  })
}
