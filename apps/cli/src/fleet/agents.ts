import type { AgentView } from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { agrees } from '../screen/consent.js'
import { bytes } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { agentLines, alarmText, stateText } from './agent-lines.js'
import { watchAgents } from './agents-watch.js'
import { type ApiOptions, createApi } from './api.js'
import { dutyCommands, labelsText } from './duty.js'
import { inviteCommand } from './invite.js'
import { matches } from './pattern.js'
import { withApi, withKey } from './run.js'

const watching = `
With --watch --json the first line is {"type":"agents","agents":[…]}, then a line {"type":"agent",…} for each agent that changed.`

/** `lorica agents`: the machines of the fleet. */
export function agentsCommand(): Command {
  const agents = new Command('agents').description('the agents of the fleet')
  runs(
    withApi(agents.command('list').description('every agent that has joined'))
      .option('--watch', 'stay, and show what changes as it happens, until Ctrl-C')
      .addHelpText('after', watching),
    list(() => true),
  )
  runs(
    withApi(agents.command('pending').description('agents that wait for approval, with the ids to compare')),
    list(({ state, pendingKeyId }) => state === 'pending' || pendingKeyId !== null),
  )
  runs(withApi(agents.command('show <agent>').description('one agent, by name or id')), show)
  inviteCommand(withKey(withApi(agents.command('invite'))))
  for (const [verb, description] of [
    ['approve', 'let in agents that wait; compare their ids with what the agents print first'],
    ['reject', 'turn away agents that wait'],
    ['revoke', 'take agents out of the fleet: disconnected at once, and never let in again'],
  ] as const) {
    const command = withApi(agents.command(`${verb} <agent>`)).description(
      `${description}; * stands for any letters`,
    )
    if (verb !== 'approve') command.option('--yes', 'do not ask')
    runs(command, async (options: ApiOptions & { readonly yes?: boolean }, output, [pattern]) =>
      decide(verb, { ...options, pattern: needed(pattern, '<agent>') }, output),
    )
  }
  dutyCommands(agents)
  return agents
}

type Agents = { readonly agents: readonly AgentView[] }

type ListOptions = ApiOptions & { readonly watch?: boolean }

function list(isShown: (agent: AgentView) => boolean) {
  return async (options: ListOptions, output: Output): Promise<void> => {
    if (options.watch === true) return watchAgents(options, output)
    const { agents } = await createApi(options).all<Agents>('/api/v1/agents', 'agents')
    const shown = agents.filter(isShown)
    output.result(
      { agents: shown },
      shown.length === 0 && agents.length > 0 ? ['none'] : agentLines(shown, agents),
    )
  }
}

async function show(options: ApiOptions, output: Output, [id]: readonly string[]): Promise<void> {
  const agent = await createApi(options).get<AgentView>(
    `/api/v1/agents/${encodeURIComponent(needed(id, '<agent>'))}`,
  )
  output.result(agent, [
    `${agent.name} (${stateText(agent)}), joined ${agent.joinedAt}`,
    `  id       ${agent.agentId}`,
    `  labels   ${labelsText(agent)}`,
    `  device   ${agent.device === null ? '-' : deviceText(agent.device)}`,
    `  data     ${agent.dataset === null ? '-' : `${agent.dataset.documents} documents`}`,
    `  doing    ${agent.doing === null ? '-' : `${agent.doing.kind} round ${agent.doing.round} of ${agent.doing.runId}`}`,
    ...(agent.alarm === null ? [] : [`  alarm    ${alarmText(agent.alarm)}; ${agent.alarm.detail}`]),
  ])
}

function deviceText({ kind, name, threads, memoryBytes, gpu }: NonNullable<AgentView['device']>): string {
  const what = name === undefined ? kind : `${kind} ${name}`
  const beside = gpu === undefined ? '' : `; GPU ${gpu.name}, ${bytes(gpu.memoryBytes)}`
  return `${what}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${bytes(memoryBytes)} of memory${beside}`
}

interface Decision extends ApiOptions {
  readonly pattern: string
  readonly yes?: boolean
}

/** Acts on every agent whose name or id a pattern matches: those that wait, or with revoke those that are in. */
async function decide(
  verb: 'approve' | 'reject' | 'revoke',
  { pattern, yes, ...options }: Decision,
  output: Output,
): Promise<void> {
  const api = createApi(options)
  const { agents } = await api.all<Agents>('/api/v1/agents', 'agents')
  const candidates = agents.filter(({ state, pendingKeyId }) =>
    verb === 'revoke'
      ? state !== 'left'
      : state === 'pending' || (verb === 'approve' && pendingKeyId !== null),
  )
  const matching = candidates.filter(({ name, agentId }) => matches(pattern, name) || agentId === pattern)
  const names = matching.map(({ name }) => name).join(', ')
  const isMeant = matching.length === 0 || verb === 'approve' || (await agrees(`${verb} ${names}`, yes))
  const decided: AgentView[] = []
  for (const { agentId } of isMeant ? matching : [])
    decided.push(await api.post<AgentView>(`/api/v1/agents/${agentId}/${verb}`, {}))
  if (decided.length === 0) process.exitCode = 1
  const none = `no agent ${verb === 'revoke' ? 'of the fleet' : 'that waits'} is called ${pattern}`
  output.result(
    { agents: decided },
    decided.length === 0
      ? [isMeant ? none : 'nothing was done']
      : decided.map(({ name, state }) => `${name}: ${state}`),
  )
}
