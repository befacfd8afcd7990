import type { Measured } from './candidate-event.js'

/** What the journal says of a measurement whose losses nobody sees: who was asked, and what they came to together. */
export type MeasurementEvent =
  | {
      readonly type: 'measurement-begun'
      readonly runId: string
      readonly round: number
      readonly attempt: number // of the run: each measurement has another one
      readonly adapter: string // a hash of the files of the one that is measured
      readonly agents: readonly string[] // agentIds that are asked, sorted
    }
  | {
      readonly type: 'measurement-ended'
      readonly runId: string
      readonly round: number
      readonly attempt: number
      readonly adapter: string
      readonly agents: readonly string[] // agentIds whose losses are in the sum, sorted; none where it came to none
      readonly measured: Measured // without a word of single agents
    }
