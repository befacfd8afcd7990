/**
 * What agents say of a release while they serve it, since this coordinator started: they tell all that they counted, so nothing is lost with it.
 * @module
 */
import type { Answered, ServingHealth } from '@lorica/protocol'
import type { AgentHealth, Observed } from './analysis.js'
import type { Rollout } from './rollout.js'

export interface Observations {
  hear(agentId: string, health: ServingHealth): void
  /** What is known of some agents under the release of a rollout. */
  of(rollout: Rollout, agents: readonly string[], mayMeasure: boolean): Observed
}

interface Heard extends AgentHealth {
  readonly releaseId: string
  readonly earlier: Answered // by programs that served the same release on that machine before this one
}

const none: Answered = { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 }

/** Nothing was heard yet. */
export function createObservations(): Observations {
  const heard = new Map<string, Heard>()
  return {
    hear(agentId, { releaseId, now, before }) {
      const known = heard.get(agentId)
      const isSame = known?.releaseId === releaseId
      const isRestarted = isSame && now.requests < known.now.requests
      const earlier = !isSame ? none : isRestarted ? together(known.earlier, known.now) : known.earlier
      heard.set(agentId, { releaseId, now, before: before ?? (isSame ? known.before : null), earlier })
    },
    of(rollout, agents, mayMeasure) {
      const health = agents.flatMap((agentId): AgentHealth[] => {
        const one = heard.get(agentId)
        if (one === undefined || one.releaseId !== rollout.releaseId) return []
        return [{ now: together(one.earlier, one.now), before: one.before }]
      })
      const losses = agents.flatMap((agentId) => rollout.measured.get(agentId) ?? [])
      return { losses, health, mayMeasure }
    },
  }
}

const together = (one: Answered, other: Answered): Answered => ({
  requests: one.requests + other.requests,
  failures: one.failures + other.failures,
  seconds: one.seconds + other.seconds,
  secondsSquared: one.secondsSquared + other.secondsSquared,
})
