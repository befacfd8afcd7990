import type { RunSpec } from '../spec/run-spec.js'
import type { AgentFate } from './round-view.js'

/** What would become of an agent in the first round of a run. */
export interface PlannedAgent {
  readonly agentId: string
  readonly name: string
  /** invited: has a seat; the others as in rounds (AgentFate). */
  readonly fate: 'invited' | Extract<AgentFate, 'reserve' | 'unsuited' | 'excluded' | 'cordoned' | 'away'>
  readonly reason: string | null // of those without a seat
}

/** A run before it is started: who would take part, and what it would move. */
export interface PlanView {
  readonly spec: RunSpec
  readonly base: { readonly name: string; readonly sha256: string; readonly sizeBytes: number }
  readonly parameters: number // that each agent trains
  readonly agents: readonly PlannedAgent[]
  /** Bytes of one agent: the base once, unless it has it; the adapter in each round, both ways. */
  readonly bytes: { readonly base: number; readonly downEachRound: number; readonly upEachRound: number }
  /** Tokens that one agent reads in one round, padding included. */
  readonly tokensEachRound: number
  readonly ready: boolean // enough agents for the first round
}
