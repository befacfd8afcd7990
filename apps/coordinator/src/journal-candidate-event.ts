import type { GuardFinding } from '@lorica/protocol'
import type { Measured } from './journal-event.js'

/** What the guards of a run could not decide, and what a person decided. */
export type CandidateEvent =
  | {
      readonly type: 'candidate-held'
      readonly measured: Measured
      readonly reason: string
      readonly guards: readonly GuardFinding[]
    }
  | {
      readonly type: 'candidate-decided'
      readonly decision: 'released' | 'rejected'
      readonly reason: string | null // in that person's words
    }

/** A candidate that waits for a person, or was decided over by one. */
export interface HeldCandidate {
  readonly measured: Measured
  readonly reason: string // that the guards could not tell
  readonly guards: readonly GuardFinding[]
  readonly decision: Pick<
    Extract<CandidateEvent, { type: 'candidate-decided' }>,
    'decision' | 'reason'
  > | null
}

/** What an event does to the hold of a round. A second decision changes nothing. */
export function stepHeld(held: HeldCandidate | null, event: CandidateEvent): HeldCandidate | null {
  if (event.type === 'candidate-held')
    return held ?? { measured: event.measured, reason: event.reason, guards: event.guards, decision: null }
  const { decision, reason } = event
  return held === null || held.decision !== null ? held : { ...held, decision: { decision, reason } }
}
