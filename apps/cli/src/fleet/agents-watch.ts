import type { AgentView, LiveEvent } from '@lorica/protocol'
import type { Output } from '../screen/output.js'
import { agentLines, agentNewsLines } from './agent-lines.js'
import { type ApiOptions, createApi } from './api.js'
import { watchLive } from './live.js'

const LEAST_MS = 500 // between two looks: the whole fleet is read

/** Shows the agents of a fleet and what changes about them, until the process is ended: a table on a terminal, else a line a change. */
export async function watchAgents(options: ApiOptions, output: Output): Promise<void> {
  const api = createApi(options)
  let before: readonly AgentView[] | undefined
  const look = async (): Promise<undefined> => {
    const { agents } = await api.all<{ readonly agents: readonly AgentView[] }>('/api/v1/agents', 'agents')
    const known = new Map(before?.map((agent) => [agent.agentId, JSON.stringify(agent)]))
    const changed = agents.filter((agent) => known.get(agent.agentId) !== JSON.stringify(agent))
    if (output.json) {
      if (before === undefined) output.event({ type: 'agents', agents })
      else for (const agent of changed) output.event({ type: 'agent', ...agent })
    } else if (before === undefined) {
      if (!output.draws) for (const line of agentLines(agents)) output.line(line)
    } else for (const line of agentNewsLines(changed, before)) output.line(line)
    before = agents
    output.frame(agentLines(agents))
    return undefined
  }
  await watchLive<never>(options, { isAbout, look, leastMs: LEAST_MS, what: 'the fleet' }, output)
}

const aboutRounds = [
  ...['round-planned', 'update-accepted', 'update-refused', 'round-aggregated', 'evaluation-received'],
  ...['round-committed', 'round-failed', 'run-ended'],
]

/** What changes where an agent is, or what it does; `progress` does neither. */
const isAbout = ({ type }: LiveEvent): boolean =>
  type.startsWith('agent-') ||
  type === 'alarm' ||
  type === 'coordinator-started' ||
  aboutRounds.includes(type)
