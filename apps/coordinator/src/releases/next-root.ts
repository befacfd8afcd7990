import { type Identity, type Root, type SignedRoot, signRoot, textOfRoot } from '@lorica/protocol'

export const ROOT_DAYS = 365 // that a root is valid; a coordinator that has the root keys makes the next one in the last third
const DAY_MS = 86_400_000

/** The dates of a root that is made at a moment. */
export function datesFrom(nowMs: number): Pick<Root, 'issuedAt' | 'expiresAt'> {
  const at = (ms: number) => new Date(ms).toISOString()
  return { issuedAt: at(nowMs), expiresAt: at(nowMs + ROOT_DAYS * DAY_MS) }
}

/** The first root of a fleet, signed: one key for roots, one for releases. */
export function firstRoot(fleet: string, rootKey: Identity, releaseKey: Identity, nowMs: number): SignedRoot {
  const root: Root = {
    ...{ kind: 'root', schema: 1, fleet, version: 1 },
    ...{ rootKeys: [rootKey.publicKey], threshold: 1, releaseKeys: [releaseKey.publicKey], revokedKeys: [] },
    ...datesFrom(nowMs),
  }
  return signRoot(rootKey, { root: textOfRoot(root), signatures: [] })
}

/** The root after one, with what is to change, signed by those of its keys that are here. */
export function nextRoot(
  root: Root,
  change: Partial<Pick<Root, 'releaseKeys'>>,
  { keys, nowMs }: { readonly keys: readonly Identity[]; readonly nowMs: number },
): SignedRoot {
  const next: Root = { ...root, ...change, version: root.version + 1, ...datesFrom(nowMs) }
  const unsigned: SignedRoot = { root: textOfRoot(next), signatures: [] }
  return keys
    .filter(({ publicKey }) => root.rootKeys.includes(publicKey))
    .reduce((signed, key) => signRoot(key, signed), unsigned)
}

/** Whether a root is in the last third of its life, or past it. */
export function isDue({ issuedAt, expiresAt }: Root, nowMs: number): boolean {
  const [from, to] = [Date.parse(issuedAt), Date.parse(expiresAt)]
  return nowMs >= to - (to - from) / 3
}
