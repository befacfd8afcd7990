import type { RolloutAgentView, RolloutDetail, RolloutGroupView, RolloutView } from '@lorica/protocol'
import { decide, type Known, tallyOf } from './decision.js'
import { isOpen, type Report, type Rollout } from './rollout.js'

export interface Viewed {
  readonly known: Known
  readonly standing: ReadonlyMap<string, Report> // what each agent said last
  readonly nameOf: (agentId: string) => string
}

/** What changes with every step that a person may have to look at before the next order; not with what agents answer. */
export function tagOf({ rolloutId, state, group, accepted, tries, isApproved }: Rollout): string {
  return [rolloutId, state, group, accepted, tries, isApproved ? 'approved' : 'open'].join('.')
}

/** A rollout as operators see it. */
export function rolloutView(rollout: Rollout, { known }: Viewed): RolloutView {
  const { rolloutId, release, previous, state, cause, createdAt, endedAt, group, plan } = rollout
  const decision = isOpen(rollout) ? decide(rollout, known) : undefined
  const waits = decision?.kind === 'wait' ? decision.reason : null
  return {
    ...{ rollout: rolloutId, tag: tagOf(rollout) },
    ...{ release, previous, state, reason: rollout.reason ?? waits },
    isWatched: rollout.watchUntilMs !== null,
    ...{ cause, createdAt, endedAt, group },
    groups: rollout.groups.map((_, at) => groupView(rollout, known, at)),
    metrics: isOpen(rollout) || rollout.watchUntilMs !== null ? known.metrics : (rollout.evidence ?? []),
    plan,
  }
}

function groupView(rollout: Rollout, known: Known, at: number): RolloutGroupView {
  const { applied, failed, away } = tallyOf(rollout, known, { from: at, through: at + 1 })
  const isOpened = at < rollout.group
  const isGood =
    at < rollout.group - 1 || (isOpened && (rollout.state === 'soaking' || rollout.state === 'done'))
  const { name, agents } = rollout.groups[at] ?? { name: '', agents: [] }
  const counts = isOpened ? { applied, failed, away } : { applied: 0, failed: 0, away: 0 }
  return {
    ...{ group: at + 1, name, agents: agents.length },
    state: isGood ? 'good' : isOpened ? 'open' : 'waiting',
    ...counts,
  }
}

/** The same with its agents and its history. */
export function rolloutDetail(rollout: Rollout, viewed: Viewed): RolloutDetail {
  const { standing, nameOf } = viewed
  const agents = rollout.groups.flatMap(({ agents }, at) =>
    agents.map((agentId): RolloutAgentView => {
      const report = rollout.reports.get(agentId)
      const last = standing.get(agentId)
      return {
        ...{
          agentId,
          name: nameOf(agentId),
          group: at + 1,
          has: last?.outcome === 'applied' ? last.release : null,
        },
        outcome: report?.outcome ?? 'waiting',
        isServed: last?.isServed ?? null,
        reason: report?.reason ?? null,
      }
    }),
  )
  return { ...rolloutView(rollout, viewed), agents, history: rollout.history }
}
