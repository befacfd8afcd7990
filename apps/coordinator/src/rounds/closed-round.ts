import type { Adapter, Aggregate, ServerState } from '@lorica/peft-core'
import type { RoundState } from './round.js'
import type { Run } from './run.js'

/** What a round is aggregated from, beside its accepted updates on disk. */
export interface ClosedRound {
  readonly runId: string
  readonly spec: Run['spec']
  readonly round: RoundState
  readonly start: Adapter
  readonly state: ServerState | null // what the optimiser of the coordinator remembers of the rounds before
}

/** An aggregate, and what the optimiser of the coordinator remembers of it for the next round. */
export interface Aggregated extends Aggregate {
  readonly state: ServerState | null
}
