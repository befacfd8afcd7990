import {
  LoricaError,
  type Root,
  type SignedRoot,
  type Trust,
  type TrustView,
  verifyRoot,
} from '@lorica/protocol'
import type { Api, ApiOptions } from './api.js'
import { readRoot } from './root-file.js'

/**
 * Who may sign for the fleet of a coordinator: its roots, each following from the one before. With `pinned`, a root that the caller has
 * kept, it must be among them. Throws LoricaError LRC-6103 to LRC-6107.
 */
export async function fleetTrust(api: Api, pinned?: SignedRoot): Promise<Trust> {
  const { roots } = await api.get<TrustView>('/api/v1/trust')
  return trustIn(roots, pinned)
}

/** The trust that a chain of roots gives at this moment. */
export function trustIn(roots: readonly SignedRoot[], pinned?: SignedRoot): Trust {
  const parsed = rootsIn(roots)
  const root = parsed.at(-1)
  if (root === undefined) throw new LoricaError('LRC-6103', 'the coordinator has no root')
  if (pinned !== undefined && !roots.some(({ root: text }) => text === pinned.root))
    throw new LoricaError('LRC-6105', 'the root that was given is none of this fleet', {
      expected: `a root of the fleet of ${root.fleet}`,
      received: 'another',
    })
  const past = parsed.flatMap(({ releaseKeys }) => releaseKeys)
  return { fleet: root.fleet, root, past, nowMs: Date.now() }
}

/** The roots of a chain, oldest first, each verified from the one before. */
export function rootsIn(roots: readonly SignedRoot[]): readonly Root[] {
  const parsed: Root[] = []
  for (const signed of roots) parsed.push(verifyRoot(signed, parsed.at(-1) ?? null))
  return parsed
}

/** How a command is told what to trust. */
export interface TrustOptions extends ApiOptions {
  readonly root?: string
}

export const ROOT_OPTION = [
  '--root <file>',
  'a root of the fleet that you have kept: it must be among those that lead to the one in force',
] as const

/** Who may sign for the fleet, from a root that was kept where one is given. */
export async function trustGiven(api: Api, { root }: TrustOptions): Promise<Trust> {
  return fleetTrust(api, root === undefined ? undefined : (await readRoot(root)).signed)
}
