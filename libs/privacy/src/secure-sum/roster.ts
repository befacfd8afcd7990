import { neighbourGraph } from './neighbour-graph.js'
import type { Advertisement, SumRefusal, SumTerms, VerifyText } from './terms.js'
import { advertisementText, digestOf, refusal } from './terms.js'

/** The agents of a sum and their keys, as everybody who has the same advertisements works them out. */
export interface Roster {
  readonly agents: readonly string[] // sorted
  readonly keys: ReadonlyMap<string, Advertisement>
  readonly neighbours: ReadonlyMap<string, readonly string[]>
  /** Goes into every derived key: agents that were shown different rosters share no mask. 32 bytes. */
  readonly digest: Uint8Array
}

/**
 * The roster that these advertisements make, or why they make none: too few or too many agents, one twice, a key twice or one
 * of `usedKeys`, a signature that is not its agent's.
 */
export function rosterOf(
  terms: SumTerms,
  advertisements: readonly Advertisement[],
  verify: VerifyText,
  usedKeys: ReadonlySet<string> = new Set(),
): Roster | SumRefusal {
  const keys = new Map(advertisements.map((advertisement) => [advertisement.agent, advertisement]))
  if (keys.size < advertisements.length) return refusal('list', 'agents expected once each, got one twice')
  if (keys.size < terms.minSurvivors)
    return refusal('too-few', `agents expected at least ${terms.minSurvivors}, got ${keys.size}`)
  if (keys.size > terms.ring.agents)
    return refusal('list', `agents expected at most ${terms.ring.agents}, got ${keys.size}`)
  const seen = new Set(usedKeys)
  for (const advertisement of advertisements) {
    const { agent, channelKey, maskKey, seedCommitment, signature } = advertisement
    if (!verify(agent, advertisementText(terms, advertisement), signature))
      return refusal('signature', `keys of ${agent} expected its signature for these terms`)
    for (const key of [channelKey, maskKey, seedCommitment]) {
      if (key.length !== 43 || Buffer.from(key, 'base64url').toString('base64url') !== key)
        return refusal('signature', `keys of ${agent} expected 32 bytes each`)
      if (seen.has(key))
        return refusal('reused-key', `keys of ${agent} expected new ones, got one seen before`)
      seen.add(key)
    }
  }
  const agents = [...keys.keys()].sort()
  const digest = digestOf([
    'lorica-secure-sum-roster',
    ...agents.map((agent) => advertisementText(terms, keys.get(agent)!)),
  ])
  const seed = digestOf(['lorica-secure-sum-graph', digest.toString('hex')])
  return { agents, keys, digest, neighbours: neighbourGraph(agents, terms.degree, seed) }
}

/** The key of an advertisement as its 32 bytes. */
export function keyBytes(key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(key, 'base64url'))
}

/** Why a list is not sorted, without repeats, and within `whole`; null when it is. */
export function listProblem(
  name: string,
  list: readonly string[],
  whole: readonly string[],
): SumRefusal | null {
  const within = new Set(whole)
  for (const [index, agent] of list.entries()) {
    if (!within.has(agent)) return refusal('list', `${name} expected only agents of before, got ${agent}`)
    if (index > 0 && list[index - 1]! >= agent)
      return refusal('list', `${name} expected agents sorted and once each, got ${agent} out of place`)
  }
  return null
}
