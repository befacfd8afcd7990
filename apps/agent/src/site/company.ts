/** In whose company a site lets its updates be summed. */
export interface Company {
  readonly minAgents: number // of a sum, with this one
  readonly peers: ReadonlySet<string> | null // agents that this site knows and counts; null: whoever the coordinator names
}

/** Why a sum of these agents is not for this site; undefined when it is. Agents that it does not know may be in it, but do not count. */
export function companyFault(
  agents: readonly string[],
  { minAgents, peers }: Company,
  self: string,
): string | undefined {
  if (peers === null) return undefined
  const known = agents.filter((agent) => agent === self || peers.has(agent)).length
  if (known >= minAgents) return undefined
  return `a sum with ${known} agents that this site knows, itself included; it asks for at least ${minAgents} (policy.yaml: secureAggregation.peers)`
}

/**
 * Why shares of this agent's secrets are not for these neighbours; undefined when they are. As many as the threshold could put both
 * secrets together: agents that the site does not know, all of whom may be the coordinator, have to be fewer.
 */
export function neighbourFault(
  neighbours: readonly string[],
  threshold: number,
  { peers }: Company,
): string | undefined {
  if (peers === null) return undefined
  const strangers = neighbours.filter((agent) => !peers.has(agent)).length
  if (strangers < threshold) return undefined
  return `shares for ${strangers} agents that this site does not know, of which ${threshold} together could take its masks off (policy.yaml: secureAggregation.peers)`
}
