import type { Adapter, Aggregate } from '@lorica/peft-core'
import type { SideView } from '@lorica/protocol'
import type { RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import type { Memory } from './memory.js'
import type { ControlledAgents } from './scaffold.js'

/** What a round is aggregated from, beside its accepted updates on disk. */
export interface ClosedRound {
  readonly runId: string
  readonly spec: Run['spec']
  readonly seed: number // of the run
  readonly round: RoundState
  readonly start: Adapter
  readonly memory: Memory | null // of the rounds before
  readonly controlled: ControlledAgents | null // of a run with SCAFFOLD
  readonly isReplay?: true // noise is left out of the sum: what comes of it is compared, and never released
}

/** An aggregate, what the coordinator remembers of it for the next round, and what the frozen side has become. */
export interface Aggregated extends Pick<Aggregate, 'candidate' | 'report'> {
  readonly memory: Memory | null
  readonly grown: SideView | null // null of a strategy without a side
  readonly nextClip?: number // of a round whose clip adapts
}
