import type { AgentView } from '@lorica/protocol'
import { Command } from 'commander'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
import { withApi } from './run.js'

/** `lorica agents`: the machines of the fleet. */
export function agentsCommand(): Command {
  const agents = new Command('agents').description('the agents of the fleet')
  runs(
    withApi(agents.command('list').description('every agent that has joined')),
    async (options: ApiOptions, output) => {
      const { agents: views } = await createApi(options).get<{ readonly agents: readonly AgentView[] }>(
        '/api/v1/agents',
      )
      const rows = views.map(({ name, agentId, state, device, doing }) => [
        name,
        agentId.slice(0, 12),
        state,
        device === null ? '-' : `${device.kind} x${device.threads}`,
        doing === null ? '-' : `${doing.kind} round ${doing.round}`,
      ])
      output.result(
        { agents: views },
        views.length === 0
          ? ['no agents yet: lorica agents invite']
          : table([['name', 'id', 'state', 'device', 'doing'], ...rows]),
      )
    },
  )
  runs(
    withApi(agents.command('invite').description('a new join link')),
    async (options: ApiOptions, output) => {
      const invitation = await createApi(options).post<{ readonly join: string }>('/api/v1/agents/invite', {})
      output.result(invitation, [`lorica agent join ${invitation.join} --data FILE`])
    },
  )
  return agents
}
