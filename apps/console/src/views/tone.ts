import type { AgentFate, RoundView, RunState } from '@lorica/protocol'

/** How a state is coloured. The word beside it says the same. */
export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'still'

export const runTone: Readonly<Record<RunState, Tone>> = {
  queued: 'info',
  waiting: 'warn',
  paused: 'warn',
  running: 'info',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'still',
}

export const roundTone: Readonly<Record<RoundView['state'], Tone>> = {
  open: 'info',
  closed: 'info',
  committed: 'good',
  failed: 'bad',
}

export const fateTone: Readonly<Record<AgentFate | 'invited', Tone>> = {
  accepted: 'good',
  training: 'info',
  invited: 'good',
  carried: 'info',
  refused: 'bad',
  declined: 'warn',
  absent: 'bad',
  unsuited: 'still',
  reserve: 'still',
  excluded: 'warn',
  cordoned: 'warn',
  away: 'still',
}
