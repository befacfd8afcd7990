import { pinOf, type Root, type SignedRoot, signersAmong, type TrustView } from '@lorica/protocol'
import { table } from '../screen/format.js'

/** A root as people read it, and who signed it; `before` is the one that it follows. */
export function rootLines(signed: SignedRoot, root: Root, before: Root | null): readonly string[] {
  const { version, threshold, rootKeys, releaseKeys, revokedKeys, issuedAt, expiresAt } = root
  const marks = (key: string): string => (signersAmong(signed, [key]) === 1 ? 'has signed' : 'has not signed')
  const others = (before?.rootKeys ?? []).filter((key) => !rootKeys.includes(key))
  return [
    `root ${version} of the fleet of ${root.fleet}`,
    `fingerprint ${pinOf(signed).fingerprint}, which join links made under it end with`,
    `in force from ${issuedAt} to ${expiresAt}; ${threshold} of ${rootKeys.length} root keys have to sign`,
    ...table([
      ['key', 'role', 'this root'],
      ...rootKeys.map((key) => [key, 'root', marks(key)]),
      ...others.map((key) => [key, 'root before', marks(key)]),
      ...releaseKeys.map((key) => [key, 'release', '']),
      ...revokedKeys.map((key) => [key, 'revoked', '']),
    ]),
    ...missingLines(signed, [root, ...(before === null ? [] : [before])]),
  ]
}

/** How many signatures are missing, by the keys of which root; nothing when none is. */
export function missingLines(signed: SignedRoot, roots: readonly Root[]): readonly string[] {
  return roots.flatMap(({ version, rootKeys, threshold }) => {
    const missing = threshold - signersAmong(signed, rootKeys)
    return missing > 0
      ? [`${missing} more ${missing === 1 ? 'signature' : 'signatures'} by keys of root ${version}`]
      : []
  })
}

/** What to know of where the root keys are. */
export function placeLines({ root, rootKeysHere }: TrustView): readonly string[] {
  if (rootKeysHere.length < root.threshold)
    return [
      'the root keys are not on the machine of the coordinator: whoever takes it over cannot make a root',
    ]
  return [
    'the root keys lie beside the coordinator: whoever takes over its machine decides who may sign.',
    'Take them away with `lorica trust offline --dir DIR --out FOLDER`.',
  ]
}
