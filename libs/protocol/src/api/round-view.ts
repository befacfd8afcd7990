import type { AggregationView } from './aggregation-view.js'
import type { LateStart, RefusalRecord } from './run-view.js'

/** Where an agent was last known to be in an assignment. `upload` and `download` count bytes, the others steps. */
export interface LastProgress {
  readonly phase: 'download' | 'train' | 'upload' | 'evaluate'
  readonly step: number
  readonly steps: number
  readonly at: string
  readonly waiting?: string // why it stood still then, in its own words
}

/**
 * What became of an agent in one attempt at a round. With a seat: accepted, training, carried (it goes on in the next round), or the
 * kinds of a refusal. Without one: unsuited (not what rounds.where asks for), reserve (the goal was reached without it), excluded (it refused or was
 * refused in an attempt before), cordoned, or away (not connected, or without data).
 */
export type AgentFate =
  | 'accepted'
  | 'training'
  | 'carried'
  | RefusalRecord['kind']
  | 'unsuited'
  | 'reserve'
  | 'excluded'
  | 'cordoned'
  | 'away'

/** One agent in one attempt at a round. What does not apply to its fate is null. */
export interface AgentInRound {
  readonly agentId: string
  readonly name: string
  readonly fate: AgentFate
  readonly code: string | null // LRC-nnnn of a refusal
  readonly message: string | null // why, in words
  readonly waiting: string | null // of an agent that is training: why it stands still for now
  readonly device: string | null // what it said it trains with
  readonly rank: number | null // that it was asked to train; null: of the run
  readonly trainSeconds: number | null
  readonly lossFirst: number | null
  readonly lossLast: number | null
  readonly tokens: number | null
  readonly bytesUp: number // of its update, resent bytes included
  readonly bytesDown: number // base, adapters and releases
  readonly progress: LastProgress | null
  readonly late: LateStart | null // of a seat of an earlier round that went on in this one
}

/** How often one reason came up, most frequent first. */
export interface ReasonCount {
  readonly kind: RefusalRecord['kind']
  readonly code: string
  readonly count: number
}

/** A secure sum of an attempt: how many were on the list of each step, and what it cost beside the same updates in the clear. */
export interface SumView {
  readonly keys: number // agents that sent keys
  readonly shares: number // that shared their secrets
  readonly survivors: number // whose updates are in the sum
  readonly confirmations: number // that confirmed it
  readonly bytesUp: number // masked updates, and what agents said for them
  readonly bytesDown: number // what agents were told for them
  readonly plainBytes: number // of the survivors' updates in the clear, 32 bits a value
  readonly ms: number | null // from the last keys to the sum; null: it was not finished
  readonly unmaskMs: number | null // of the coordinator, to take the masks off
}

/** One attempt at a round: who took part in it and how it ended. */
export interface AttemptView {
  readonly attempt: number // 1, 2, ...
  readonly state: 'open' | 'closed' | 'committed' | 'failed' // closed: takes no update any more, not yet committed
  readonly reason: string | null // of its end, in words
  readonly minimum: number
  readonly goal: number | null
  readonly deadlineAt: string | null
  readonly plannedAt: string
  readonly closedAt: string | null // from when on updates were refused
  readonly endedAt: string | null
  readonly reasons: readonly ReasonCount[] // why seats brought nothing
  readonly agents: readonly AgentInRound[]
  readonly sum?: SumView // of an attempt whose updates are summed unseen, once its keys were listed
  readonly bystandersNotNamed: number // agents without a seat beyond those that are recorded by name
}

/** GET /api/v1/runs/:id/rounds/:n: one round with all its attempts. */
export interface RoundView {
  readonly run: string
  readonly round: number
  readonly state: AttemptView['state']
  readonly release: string | null
  readonly loss: number | null // of the candidate on held-out text
  readonly aggregation: AggregationView | null // how the candidate was made; null before, and of rounds of older versions
  readonly attempts: readonly AttemptView[]
}

/** One line of GET /api/v1/runs/:id/rounds: a round and its latest attempt in numbers. */
export interface RoundSummary extends Pick<RoundView, 'round' | 'state' | 'release' | 'loss'> {
  readonly attempts: number
  readonly error: number | null // of the candidate, relative to the exact mean of the updates
  readonly reason: string | null // of the end of the latest attempt
  readonly seats: number
  readonly accepted: number
  readonly reasons: readonly ReasonCount[]
  readonly bytesUp: number
  readonly bytesDown: number
  readonly plannedAt: string
  readonly endedAt: string | null
}
