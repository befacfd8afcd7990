import { LoricaError, type Root, rootSchema } from '@lorica/protocol'

/** What a draft changes of the root before it. */
export interface RootChange {
  readonly addRootKeys: readonly string[]
  readonly removeRootKeys: readonly string[]
  readonly addReleaseKeys: readonly string[]
  readonly removeReleaseKeys: readonly string[]
  readonly revokedKeys: readonly string[] // taken away wherever they are, and never trusted again
  readonly threshold?: number | undefined
  readonly days: number // that it is valid
}

/** The root after one. Throws LoricaError LRC-6103 for one that nobody could sign or that names a key twice. */
export function draftRoot(before: Root, change: RootChange, nowMs: number): Root {
  const { revokedKeys, threshold = before.threshold, days } = change
  const changed = (keys: readonly string[], added: readonly string[], removed: readonly string[]) => [
    ...new Set([...keys, ...added].filter((key) => !removed.includes(key) && !revokedKeys.includes(key))),
  ]
  const next: Root = {
    ...before,
    version: before.version + 1,
    rootKeys: changed(before.rootKeys, change.addRootKeys, change.removeRootKeys),
    releaseKeys: changed(before.releaseKeys, change.addReleaseKeys, change.removeReleaseKeys),
    revokedKeys: [...new Set([...before.revokedKeys, ...revokedKeys])],
    threshold,
    issuedAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + days * 86_400_000).toISOString(),
  }
  return checked(next)
}

/** What the first root of a fleet says. */
export interface FirstRoot {
  readonly fleet: string // the key of its coordinator
  readonly rootKeys: readonly string[]
  readonly releaseKeys: readonly string[]
  readonly threshold: number
  readonly days: number // that it is valid
}

/** The first root of a fleet. Throws LoricaError LRC-6103 for one that nobody could sign or that names a key twice. */
export function draftFirstRoot(
  { fleet, rootKeys, releaseKeys, threshold, days }: FirstRoot,
  nowMs: number,
): Root {
  return checked({
    ...{ kind: 'root', schema: 1, fleet, version: 1, threshold, revokedKeys: [] },
    ...{ rootKeys: [...rootKeys], releaseKeys: [...releaseKeys] },
    issuedAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + days * 86_400_000).toISOString(),
  })
}

function checked(next: Root): Root {
  const { success, error, data } = rootSchema.safeParse(next)
  if (success) return data
  const issue = error.issues[0]
  throw new LoricaError('LRC-6103', `root ${next.version}: "${issue?.path.join('.')}": ${issue?.message}`, {
    expected: issue?.message,
    received: `${next.rootKeys.length} root keys, ${next.releaseKeys.length} release keys, a threshold of ${next.threshold}`,
  })
}
