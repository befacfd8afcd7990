import type { AgentView } from '@lorica/protocol'
import { table } from '../screen/format.js'

/** Agents as a table, with what is wrong about them, and how many of the whole fleet wait for a person. */
export function agentLines(
  shown: readonly AgentView[],
  fleet: readonly AgentView[] = shown,
): readonly string[] {
  if (shown.length === 0) return ['no agents yet: lorica agents invite']
  const rows = shown.map((agent) => {
    const { name, agentId, state, device, pendingKeyId } = agent
    return [
      name,
      pendingKeyId ?? (state === 'pending' ? agentId : agentId.slice(0, 12)),
      `${stateText(agent)}${pendingKeyId === null ? '' : ', next key pending'}`,
      device === null ? '-' : `${device.kind} x${device.threads}`,
      doingText(agent),
    ]
  })
  const waiting = fleet.filter(({ state }) => state === 'pending').length
  const alarms = shown.flatMap(({ name, alarm }) => (alarm === null ? [] : [`${name}: ${alarmText(alarm)}`]))
  const next = waiting === 0 ? [] : ['', `${waiting} wait for approval: lorica agents approve NAME`]
  return [...table([['name', 'id', 'state', 'device', 'doing'], ...rows]), ...alarms, ...next]
}

/** What is new about the agents of a fleet since they were read before, a line each. */
export function agentNewsLines(
  changed: readonly AgentView[],
  before: readonly AgentView[],
): readonly string[] {
  const known = new Map(before.map((agent) => [agent.agentId, agent]))
  return changed.map((agent) => {
    const last = known.get(agent.agentId)
    const labels = Object.entries(agent.labels).map(([key, value]) => `${key}=${value}`)
    const parts = [
      last === undefined || stateText(last) !== stateText(agent) ? [stateText(agent)] : [],
      last === undefined || doingText(last) === doingText(agent)
        ? []
        : [agent.doing === null ? `done: ${doingText(last)}` : doingText(agent)],
      agent.pendingKeyId === (last?.pendingKeyId ?? null) ? [] : ['offers another key'],
      last === undefined || JSON.stringify(last.labels) === JSON.stringify(agent.labels)
        ? []
        : [`labels ${labels.join(', ') || 'none'}`],
      agent.alarm === null || agent.alarm.at === last?.alarm?.at ? [] : [alarmText(agent.alarm)],
    ].flat()
    return `${agent.name}: ${parts.join('; ') || 'says something else of itself'}`
  })
}

/** Whether an agent is there, and takes part. */
export function stateText({ state, isCordoned }: Pick<AgentView, 'state' | 'isCordoned'>): string {
  return isCordoned ? `${state}, cordoned` : state
}

const doingText = ({ doing }: Pick<AgentView, 'doing'>): string =>
  doing === null ? '-' : `${doing.kind} round ${doing.round} of ${doing.runId}`

/** What somebody should look at about an agent. */
export function alarmText({ kind, at, detail, count }: NonNullable<AgentView['alarm']>): string {
  const meaning = kind === 'duplicate-identity' ? 'its key is on two machines' : detail
  return `${kind}, last ${at}${count > 1 ? ` and ${count - 1} times before` : ''}: ${meaning}`
}
