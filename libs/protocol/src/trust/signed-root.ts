import { createHash } from 'node:crypto'
import { z } from 'zod'
import { LoricaError } from '../errors/lorica-error.js'
import { limits } from '../limits.js'
import { publicKeySchema, signatureSchema } from '../messages/field.js'
import { type Identity, signText, verifyText } from '../signing/identity.js'
import { parseRoot, type Root } from './root.js'

/** A root and the signatures over exactly its text. */
export const signedRootSchema = z.strictObject({
  root: z.string().min(2).max(limits.rootBytes), // canonical JSON
  signatures: z.array(z.strictObject({ key: publicKeySchema, signature: signatureSchema })).max(32),
})
export type SignedRoot = Readonly<z.infer<typeof signedRootSchema>>

/** A root by its version and its text: what a join link names, so that an agent takes no other for it. */
export interface RootPin {
  readonly version: number
  readonly fingerprint: string // SHA-256 of the text of the root, base64url
}

/** What names a root wherever somebody has to recognise it. Throws LoricaError LRC-6103 for a text that is no root. */
export function pinOf({ root }: Pick<SignedRoot, 'root'>): RootPin {
  const fingerprint = createHash('sha256').update(root, 'utf8').digest('base64url')
  return { version: parseRoot(root).version, fingerprint }
}

/** Throws LoricaError LRC-6112 for a root of the version that was pinned and of another text; other versions pass. */
export function expectPinned(signed: Pick<SignedRoot, 'root'>, pin: RootPin | undefined): void {
  const { version, fingerprint } = pinOf(signed)
  if (pin === undefined || version !== pin.version || fingerprint === pin.fingerprint) return
  throw new LoricaError('LRC-6112', `root ${version} of this fleet is not the one that the join link names`, {
    expected: `the fingerprint ${pin.fingerprint}`,
    received: fingerprint,
  })
}

/** A root with one more signature; the same when that key signed it before. */
export function signRoot(identity: Identity, { root, signatures }: SignedRoot): SignedRoot {
  const { publicKey: key } = identity
  if (signatures.some((one) => one.key === key)) return { root, signatures }
  return { root, signatures: [...signatures, { key, signature: signText(identity, signedText(root)) }] }
}

/** How many of `keys` signed a root, each counted once. */
export function signersAmong({ root, signatures }: SignedRoot, keys: readonly string[]): number {
  const good = signatures.filter(
    ({ key, signature }) => keys.includes(key) && verifyText(key, signedText(root), signature),
  )
  return new Set(good.map(({ key }) => key)).size
}

/**
 * The root that a signed one holds, taken after `before`: signed by the threshold of its own keys and of those before, for the same
 * fleet, of the next version. With null for `before` only its own keys count. Throws LoricaError LRC-6103 to LRC-6106.
 */
export function verifyRoot(signed: SignedRoot, before: Root | null): Root {
  const root = parseRoot(signed.root)
  if (before !== null) {
    if (root.fleet !== before.fleet)
      throw new LoricaError('LRC-6106', `root ${root.version} is of another fleet`, {
        expected: before.fleet,
        received: root.fleet,
      })
    if (root.version !== before.version + 1)
      throw new LoricaError('LRC-6105', `root ${root.version} does not follow root ${before.version}`, {
        expected: `version ${before.version + 1}`,
        received: `version ${root.version}`,
      })
    expectSigners(signed, root.version, before)
  }
  expectSigners(signed, root.version, root)
  return root
}

function expectSigners(signed: SignedRoot, version: number, { rootKeys, threshold, ...by }: Root): void {
  const found = signersAmong(signed, rootKeys)
  if (found >= threshold) return
  throw new LoricaError(
    'LRC-6104',
    `root ${version} is not signed by enough of the keys of root ${by.version}`,
    {
      expected: `${threshold} of ${rootKeys.length} keys`,
      received: `${found}`,
    },
  )
}

/** What is signed of a root: its text, told apart from everything else that a key may sign. */
function signedText(root: string): string {
  return `lorica-root\n${root}`
}

/** The text that a coordinator signs with the key that join links pin, for agents that have no root yet. */
export function introductionText(root: string): string {
  return `lorica-first-root\n${root}`
}
