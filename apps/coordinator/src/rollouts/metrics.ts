import type { MetricView } from '@lorica/protocol'
import { analyse, type Observed } from './analysis.js'
import { isOpen, type Rollout } from './rollout.js'

/** The metrics of a rollout as they are now: of all agents that have its release, and of those of the newest group. */
export function metricsOf(
  rollout: Rollout,
  observe: (agents: readonly string[]) => Observed,
): readonly MetricView[] {
  const { groups, group, plan, reports } = rollout
  if (group === 0) return []
  const heard = (agents: readonly string[]) =>
    observe(agents.filter((agentId) => reports.get(agentId)?.outcome === 'applied'))
  const opened = groups.slice(0, group)
  const all = { of: 'all agents', observed: heard(opened.flatMap(({ agents }) => agents)) }
  const newest = { of: `group ${group}`, observed: heard(opened.at(-1)?.agents ?? []) }
  return analyse(plan, group === 1 || !isOpen(rollout) ? [all] : [all, newest])
}
