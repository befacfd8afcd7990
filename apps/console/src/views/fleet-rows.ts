import type { AgentView } from '@lorica/protocol'

/** What the list of agents is narrowed to. `left` only shows those that left; all others are left out of it. */
export const fleetFilters = ['all', 'connected', 'working', 'away', 'cordoned', 'alarm', 'left'] as const
export type FleetFilter = (typeof fleetFilters)[number]

export const filterNames: Readonly<Record<FleetFilter, string>> = {
  all: 'All',
  connected: 'Connected',
  working: 'Working',
  away: 'Away',
  cordoned: 'Cordoned',
  alarm: 'Alarms',
  left: 'Left',
}

const fits: Readonly<Record<FleetFilter, (agent: AgentView) => boolean>> = {
  all: ({ state }) => state !== 'left',
  connected: ({ state }) => state === 'connected',
  working: ({ doing }) => doing !== null,
  away: ({ state }) => state === 'away',
  cordoned: ({ state, isCordoned }) => isCordoned && state !== 'left',
  alarm: ({ state, alarm }) => alarm !== null && state !== 'left',
  left: ({ state }) => state === 'left',
}

/** How many agents each filter leaves. */
export function filterCounts(agents: readonly AgentView[]): Readonly<Record<FleetFilter, number>> {
  const counts = { all: 0, connected: 0, working: 0, away: 0, cordoned: 0, alarm: 0, left: 0 }
  for (const agent of agents) for (const filter of fleetFilters) if (fits[filter](agent)) counts[filter]++
  return counts
}

/** The agents of a filter in which each word of `search` occurs: in the name, the id, a label, the device or the version. */
export function fleetRows(
  agents: readonly AgentView[],
  filter: FleetFilter,
  search: string,
): readonly AgentView[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return agents.filter((agent) => {
    if (!fits[filter](agent)) return false
    if (words.length === 0) return true
    const text = searched(agent)
    return words.every((word) => text.includes(word))
  })
}

/** Agents that wait for a decision: to be let in, or with a new key. */
export function waitingAgents(agents: readonly AgentView[]): readonly AgentView[] {
  return agents.filter(
    ({ state, pendingKeyId }) => state === 'pending' || (pendingKeyId !== null && state !== 'left'),
  )
}

/** The versions of the software that connected agents have, the most frequent first. */
export function versionCounts(
  agents: readonly AgentView[],
): readonly { readonly software: string; readonly agents: number }[] {
  const counts = new Map<string, number>()
  for (const { software, state } of agents)
    if (software !== null && state === 'connected') counts.set(software, (counts.get(software) ?? 0) + 1)
  return [...counts]
    .map(([software, number]) => ({ software, agents: number }))
    .toSorted((a, b) => b.agents - a.agents)
}

/** What an agent computes with, in short: its GPU, or its processor and how many threads of it. */
export function deviceText(device: AgentView['device']): string {
  if (device === null) return '-'
  const { kind, name, threads, gpu } = device
  if (kind === 'cpu') return `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  return `${name ?? gpu?.name ?? kind.toUpperCase()}`
}

/** Bytes that it can train in: of its GPU, or of the machine. */
export function memoryOf(device: AgentView['device']): number | null {
  if (device === null) return null
  return device.kind === 'cpu' ? device.memoryBytes : (device.gpu?.memoryBytes ?? null)
}

function searched({ name, agentId, labels, device, software }: AgentView): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return [name, agentId, ...pairs, deviceText(device), software ?? ''].join(' ').toLowerCase()
}
