import type { RolloutGroupView, RolloutView } from '@lorica/protocol'

/** A rollout on a few lines: its groups, its metrics with their intervals, and what a person can do. */
export function rolloutLines(view: RolloutView): readonly string[] {
  const { rollout, release, previous, state, reason, group, groups, metrics, isWatched } = view
  const watched = isWatched ? ', watched' : ''
  return [
    `${rollout}  ${previous} -> ${release}  group ${group}/${groups.length}  ${state.toUpperCase()}${watched}${reason === null ? '' : `: ${reason}`}`,
    ...groups.map(groupLine),
    ...metrics.map(({ text, isEnforced }) => `  ${text}${isEnforced ? '' : ' (dry run)'}`),
    ...next(view),
  ]
}

function groupLine({ group, name, agents, state, applied, failed, away }: RolloutGroupView): string {
  const counts =
    state === 'waiting' ? 'waiting' : `${applied}/${agents} have it, ${failed} failed, ${away} away: ${state}`
  return `  group ${group} (${name}, ${agents} ${agents === 1 ? 'agent' : 'agents'})  ${counts}`
}

function next({ rollout, state, isWatched }: RolloutView): readonly string[] {
  if (state === 'paused')
    return [
      `  go on: lorica rollout promote ${rollout}   try again: lorica rollout retry ${rollout}   go back: lorica rollout abort ${rollout}`,
    ]
  return state === 'done' && isWatched ? [`  go back: lorica rollout undo ${rollout}`] : []
}
