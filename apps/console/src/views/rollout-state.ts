import type { RolloutGroupView, RolloutState, RolloutVerdict, RolloutView } from '@lorica/protocol'
import type { Tone } from './tone.js'

export const rolloutTone: Readonly<Record<RolloutState, Tone>> = {
  pending: 'warn',
  running: 'info',
  soaking: 'info',
  paused: 'warn',
  done: 'good',
  aborted: 'bad',
  undone: 'bad',
}

export const verdictTone: Readonly<Record<RolloutVerdict, Tone>> = {
  pass: 'good',
  fail: 'bad',
  inconclusive: 'warn',
  skipped: 'still',
}

/** What a person can tell a rollout, as the API names it. */
export type RolloutVerb = 'approve' | 'promote' | 'pause' | 'resume' | 'abort' | 'retry' | 'undo'

const verbs: Readonly<Record<RolloutState, readonly RolloutVerb[]>> = {
  pending: ['approve', 'abort'],
  running: ['promote', 'pause', 'abort'],
  soaking: ['promote', 'pause', 'abort'],
  paused: ['promote', 'resume', 'retry', 'abort'],
  done: ['undo'],
  aborted: ['retry'],
  undone: [],
}

/** What can be told to a rollout now: nothing about an earlier one, whose release is not what the fleet has. */
export function verbsFor(
  { state, rollout, plan }: Pick<RolloutView, 'state' | 'rollout' | 'plan'>,
  newest: string | undefined,
): readonly RolloutVerb[] {
  if ((state === 'done' || state === 'aborted') && rollout !== newest) return []
  return verbs[state].filter((verb) => verb !== 'approve' || plan.approval)
}

/** Agents that have the release, of those of the groups that are open; in all groups. */
export function reached(groups: readonly RolloutGroupView[]): {
  readonly applied: number
  readonly failed: number
  readonly agents: number
} {
  const sum = (of: (group: RolloutGroupView) => number) =>
    groups.reduce((total, group) => total + of(group), 0)
  return {
    applied: sum(({ applied }) => applied),
    failed: sum(({ failed }) => failed),
    agents: sum(({ agents }) => agents),
  }
}

/** What to do about a rollout now, in a sentence. */
export function rolloutStep({
  state,
  reason,
  release,
  previous,
  group,
  groups,
  isWatched,
}: Pick<
  RolloutView,
  'state' | 'reason' | 'release' | 'previous' | 'group' | 'groups' | 'isWatched'
>): string {
  const why = reason === null ? '' : `: ${reason.split(': ')[0]}` // the figures stand below
  switch (state) {
    case 'pending':
      return `It has not begun${why}. Approve it, or abort it.`
    case 'running':
      return `Group ${group} of ${groups.length} gets ${release}${why}. It goes on by itself.`
    case 'soaking':
      return `Group ${group} of ${groups.length} has ${release} and is watched${why}. It goes on by itself.`
    case 'paused':
      return `It waits for a person${why}. Look at the metrics, then promote it, or abort it: the open groups go back to ${previous}.`
    case 'done':
      return isWatched
        ? `Everybody has ${release}. It is watched, and undone by itself if it gets worse; you can undo it in seconds.`
        : `Everybody has ${release}${why}.`
    case 'aborted':
      return `Every agent is back on ${previous}${why}. Nothing to do; the history below has the evidence.`
    default:
      return `Everybody had ${release}, and went back to ${previous}${why}.`
  }
}
