/**
 * A coordinator that starts anew knows of nobody who is there: a rollout that it goes on with waits for its agents to come back and say what they have.
 * @module
 */
import { isExposed, type Rollout } from './rollout.js'

/** Agents try again at least every 10 s. */
const RETURN_MS = 30_000

export interface Returns {
  /** It said what it has since this coordinator started. */
  heard(agentId: string): void
  /** Agents of open groups that may yet come back, and are not to be taken for away. */
  isAwaited(rollout: Rollout, agentId: string): boolean
  /** When the coordinator started: nobody was late before. */
  readonly sinceMs: number
}

/** Waits for the agents of the rollout that was open or watched when the coordinator started. */
export function createReturns(rolloutId: string | undefined, now: () => number): Returns {
  const sinceMs = now()
  const back = new Set<string>()
  return {
    sinceMs,
    heard: (agentId) => void back.add(agentId),
    isAwaited: (rollout, agentId) =>
      rollout.rolloutId === rolloutId &&
      now() - sinceMs < RETURN_MS &&
      !back.has(agentId) &&
      isExposed(rollout, agentId),
  }
}
