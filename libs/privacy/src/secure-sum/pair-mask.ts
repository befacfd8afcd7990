import { agreement, deriveKey } from './key-agreement.js'
import type { SignedMask } from './mask.js'
import { keyBytes, type Roster } from './roster.js'

/**
 * The masks that `agent`, who holds `maskSecret`, shares with each of `peers`: added by whoever comes first by id, taken away by the other.
 */
export function pairMasks(
  roster: Roster,
  agent: string,
  maskSecret: Uint8Array,
  peers: readonly string[],
): readonly SignedMask[] {
  const agreeWith = agreement(maskSecret)
  return peers.map((peer) => {
    const secret = agreeWith(keyBytes(roster.keys.get(peer)!.maskKey))
    const [first, second] = agent < peer ? [agent, peer] : [peer, agent]
    return { key: deriveKey(secret, roster.digest, ['pair', first, second]), sign: agent < peer ? 1 : -1 }
  })
}

/** The mask that an agent adds for itself alone, from its self seed. */
export function selfMask(roster: Roster, agent: string, selfSeed: Uint8Array): SignedMask {
  return { key: deriveKey(selfSeed, roster.digest, ['self', agent]), sign: 1 }
}
