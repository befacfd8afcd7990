import type { DistanceMemory } from '@lorica/peft-core'
import type { Memory } from './memory.js'

type Owners = ReadonlyMap<string, { readonly agentId: string }> // by the ids of updates

/** What is remembered of the distances of agents, by the ids of their updates in this round; who sent none keeps the id of the agent. */
export function distancesOfUpdates(memory: Memory | null, updates: Owners): DistanceMemory | null {
  if (memory?.kind !== 'distances') return null
  const ids = new Map([...updates].map(([id, { agentId }]) => [agentId, id]))
  return { ...memory.distances, ids: memory.distances.ids.map((agentId) => ids.get(agentId) ?? agentId) }
}

/** What a rule remembers of the distances of updates, by the ids of their agents; null of a rule that does not. */
export function distancesOfAgents(distances: DistanceMemory | null, updates: Owners): Memory | null {
  if (distances === null) return null
  const ids = distances.ids.map((id) => updates.get(id)?.agentId ?? id)
  return { kind: 'distances', distances: { ...distances, ids } }
}
