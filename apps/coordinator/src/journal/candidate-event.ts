import type { AgentEvaluation, Comparison, GuardFinding } from '@lorica/protocol'

/** A measured adapter: mean loss over the held-out tokens of every agent that answered, or that is in a sum. */
export interface Measured {
  readonly loss: number | null // nats; null: no agent answered
  readonly unmeasured?: string // why there is none, where the losses of a private run could not be summed
  readonly tokens: number
  readonly perAgent: readonly AgentEvaluation[]
  readonly seconds: number
  readonly comparisons?: readonly { readonly agentId: string; readonly comparison: Comparison }[] // with the adapter before, where guards ask for it
}

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
