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

/**
 * Why a sum of these agents could be opened in company that this site does not ask for; undefined when it could not. While survivors are
 * one more than have to confirm, they do without the word of this agent, and all agents that it does not know may be among them.
 */
export function survivorsFault(
  agents: readonly string[],
  minSurvivors: number,
  { minAgents, peers }: Company,
  self: string,
): string | undefined {
  if (peers === null) return undefined
  const fewest = Math.min(agents.length, minSurvivors + 1) - strangersIn(agents, peers, self)
  if (fewest >= minAgents) return undefined
  return `a sum that could be opened with ${fewest} agents that this site knows, itself included; it asks for at least ${minAgents} (policy.yaml: secureAggregation.peers)`
}

function strangersIn(agents: readonly string[], peers: ReadonlySet<string>, self: string): number {
  return agents.filter((agent) => agent !== self && !peers.has(agent)).length
}

/**
 * Why a sum of these agents could be opened twice; undefined when it could not. Two lists of survivors need `minSurvivors` confirmations
 * each. An agent confirms one, but those that the site does not know, all of whom may be the coordinator, confirm both: with two lists it
 * gets both secrets of whoever is on one of them alone.
 */
export function listsFault(
  agents: readonly string[],
  minSurvivors: number,
  { peers }: Company,
  self: string,
): string | undefined {
  if (peers === null) return undefined
  const strangers = strangersIn(agents, peers, self)
  if (2 * minSurvivors > agents.length + strangers) return undefined
  return `${minSurvivors} confirmations of ${agents.length} agents, ${strangers} of whom this site does not know and could confirm two lists of whose values the sum is of (policy.yaml: secureAggregation.peers)`
}
