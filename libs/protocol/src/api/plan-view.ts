import type { RunSpec } from '../spec/run-spec.js'
import type { AgentFate } from './round-view.js'

/** What would become of an agent in the first round of a run. */
export interface PlannedAgent {
  readonly agentId: string
  readonly name: string
  /** invited: has a seat; the others as in rounds (AgentFate). */
  readonly fate: 'invited' | Extract<AgentFate, 'reserve' | 'unsuited' | 'excluded' | 'cordoned' | 'away'>
  readonly reason: string | null // of those without a seat
  /** That it would train; null: that of the run, or it is not connected. */
  readonly rank: number | null
  /** Tokens a second, padding included, in its last round on this base; null: it was never measured. */
  readonly tokensPerSecond: number | null
  /** Of its largest GPU, or of the machine where it trains on the processor; null: not known. */
  readonly memoryBytes: number | null
}

/** What a run that protects its sites would do to the mean of a round. */
export interface PlannedPrivacy {
  readonly epsilon: number // of all rounds, for each site
  readonly delta: number
  readonly noiseMultiplier: number
  readonly clip: number // what one update is long, at most
  readonly cohort: number // what the sum is divided by
  readonly noiseNorm: number // L2 of the noise on the mean of a round
}

/** A run before it is started: who would take part, and what it would move. */
export interface PlanView {
  readonly spec: RunSpec
  readonly base: { readonly name: string; readonly sha256: string; readonly sizeBytes: number }
  readonly parameters: number // that each agent trains
  readonly agents: readonly PlannedAgent[]
  /** Bytes of one agent of the run's rank: the base once, unless it has it; the adapter in each round, both ways. */
  readonly bytes: { readonly base: number; readonly downEachRound: number; readonly upEachRound: number }
  /** Tokens that one agent reads in one round, padding included. */
  readonly tokensEachRound: number
  /** What a step keeps in memory at most: weights, computed values, optimizer; null: not known. */
  readonly memoryBytes: number | null
  /** Training time of a round, by the slowest of those invited, and of all rounds; null: not all of them were measured. */
  readonly seconds: { readonly eachRound: number; readonly all: number } | null
  /** When its schedule lets it begin; null: at once. */
  readonly opensAt: string | null
  /** Null of a run without such a promise, and while no agent would take part. */
  readonly privacy?: PlannedPrivacy | null
  readonly ready: boolean // enough agents for the first round
}
