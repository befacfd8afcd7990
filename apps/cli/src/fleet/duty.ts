/**
 * What agents are used for: their labels, and whether they take part in new rounds.
 * @module
 */
import { type AgentView, LoricaError } from '@lorica/protocol'
import type { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { type Api, type ApiOptions, createApi } from './api.js'
import { matches } from './pattern.js'
import { withApi } from './run.js'

const POLL_MS = 500

/** Adds `label`, `cordon`, `uncordon` and `drain` to `lorica agents`. */
export function dutyCommands(agents: Command): void {
  runs(
    withApi(agents.command('label <agent> <key=value...>')).description(
      'set labels, in the place of those that the agent joined with; KEY= takes one away; * stands for any letters',
    ),
    async (options: ApiOptions, output, [pattern, ...pairs]) => {
      const labels = Object.fromEntries(pairs.map(pairOf))
      const api = createApi(options)
      const changed = await each(api, needed(pattern, '<agent>'), 'label', { labels })
      output.result(
        { agents: changed },
        changed.map((agent) => `${agent.name}: ${labelsText(agent)}`),
      )
    },
  )
  for (const [verb, description] of [
    ['cordon', 'agents take part in no new round; what they do now they finish'],
    ['uncordon', 'agents take part again'],
  ] as const) {
    runs(
      withApi(agents.command(`${verb} <agent>`)).description(`${description}; * stands for any letters`),
      async (options: ApiOptions, output, [pattern]) => {
        const changed = await each(createApi(options), needed(pattern, '<agent>'), verb, {})
        output.result({ agents: changed }, changed.map(dutyText))
      },
    )
  }
  runs(
    withApi(agents.command('drain <agent>'))
      .description('cordon agents, and stay until they have nothing to do; * stands for any letters')
      .addHelpText(
        'after',
        '\nCtrl-C stops the waiting; the agents stay cordoned. Exit status: 0 they have nothing to do.',
      ),
    drain,
  )
}

async function drain(options: ApiOptions, output: Output, [pattern]: readonly string[]): Promise<void> {
  const api = createApi(options)
  let busy = await each(api, needed(pattern, '<agent>'), 'cordon', {})
  const drained: AgentView[] = []
  for (;;) {
    for (const agent of busy.filter(({ doing }) => doing === null)) {
      drained.push(agent)
      output.line(
        `${agent.name} has nothing to do${agent.state === 'connected' ? '' : `: it is ${agent.state}`}`,
      )
    }
    busy = busy.filter(({ doing }) => doing !== null)
    if (busy.length === 0) break
    output.progress(busy.map(dutyText).join('   '))
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    busy = await Promise.all(busy.map(({ agentId }) => api.get<AgentView>(`/api/v1/agents/${agentId}`)))
  }
  output.result({ agents: drained }, [
    `${drained.length} drained: lorica agents uncordon ${pattern} takes them back`,
  ])
}

/** Asks for the same of every agent of the fleet that a pattern names. Throws LoricaError LRC-2006 when there is none. */
async function each(api: Api, pattern: string, verb: string, body: unknown): Promise<readonly AgentView[]> {
  const { agents } = await api.all<{ readonly agents: readonly AgentView[] }>('/api/v1/agents', 'agents')
  const meant = agents.filter(
    ({ state, name, agentId }) => state !== 'left' && (matches(pattern, name) || agentId === pattern),
  )
  if (meant.length === 0)
    throw new LoricaError('LRC-2006', `no agent of the fleet is called ${pattern}`, { received: pattern })
  const changed: AgentView[] = []
  for (const { agentId } of meant)
    changed.push(await api.post<AgentView>(`/api/v1/agents/${agentId}/${verb}`, body))
  return changed
}

function pairOf(text: string): readonly [string, string | null] {
  const at = text.indexOf('=')
  if (at < 1) {
    throw new LoricaError('LRC-8001', `label expected KEY=VALUE, got "${text}"`, {
      expected: 'a label such as site=oslo; KEY= takes one away',
      received: text,
    })
  }
  const value = text.slice(at + 1)
  return [text.slice(0, at), value === '' ? null : value]
}

function dutyText({ name, isCordoned, doing }: AgentView): string {
  const busy = doing === null ? 'nothing to do' : `${doing.kind} round ${doing.round} of ${doing.runId}`
  return `${name}: ${isCordoned ? 'cordoned' : 'takes part'}, ${busy}`
}

/** The labels of an agent as people write them. */
export function labelsText({ labels }: Pick<AgentView, 'labels'>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? '-' : pairs.join(' ')
}
