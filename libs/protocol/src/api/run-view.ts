import type { UpdateEncoding } from '../messages/field.js'
import type { AgentEvaluation } from '../signing/manifest.js'
import type { RunSpec } from '../spec/run-spec.js'

/** What one agent brought to a round. */
export interface ContributionRecord {
  readonly agentId: string
  readonly name: string
  readonly updateSha256: string
  readonly weight: number // share of the aggregate; shares add up to 1, or less where a robust rule left a part to the adapter before
  readonly tokens: number
  readonly examples: number
  readonly norm: number | null // L2 over all tensors of the update; null: it came masked
  readonly trainMs: number
  readonly lossFirst: number | null // null: it is private
  readonly lossLast: number | null
  readonly sizeBytes?: number // as it travelled
  readonly encoding?: UpdateEncoding // f32 when absent
  readonly samplingRate?: number // the chance of an example to take part in a step, where examples are protected
  readonly late?: LateStart // of an update that was asked for in an earlier round
}

/** What an update started from that counts in a later round than it was asked for in. */
export interface LateStart {
  readonly round: number // in which it was asked for
  readonly version: number // of the adapter that it changes
  readonly staleness: number // releases of the run since then
}

/** Why an agent brought nothing to a round. */
export interface RefusalRecord {
  readonly agentId: string
  readonly name: string
  readonly kind: 'refused' | 'declined' | 'absent'
  readonly code: string
  readonly message: string
}

/** One round that was committed. */
export interface RoundRecord {
  readonly round: number
  readonly attempt: number
  readonly verdict: 'released' | 'rejected'
  readonly reason: string // why, in words
  readonly release: string | null
  readonly contributions: readonly ContributionRecord[]
  readonly refused: readonly RefusalRecord[]
  readonly bytesUp: number // agents -> coordinator, updates only
  readonly bytesUpAsF32?: number // what bytesUp would have been in f32
  readonly bytesDown: number // coordinator -> agents, base, adapters and releases
  readonly seconds: number // from plan to commit
  readonly trainSeconds: number // of the slowest agent
  readonly evaluateSeconds: number // from the candidate to the last measurement
  readonly overheadSeconds: number // seconds - trainSeconds
  readonly loss: number | null // of the candidate on held-out text, mean over tokens
  readonly parentLoss: number | null // of what it replaces, on the same text
  readonly evaluation: readonly AgentEvaluation[]
  readonly adapterSha256: string // of adapter_model.safetensors that the next round starts from
  readonly committedAt: string
}

export type RunState = 'queued' | 'waiting' | 'paused' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** A run as the operator API shows it. */
export interface RunView {
  readonly run: string
  readonly name: string
  readonly state: RunState
  readonly reason: string | null // why it waits or failed
  readonly spec: RunSpec
  readonly base: { readonly sha256: string; readonly name: string }
  readonly release: string | null // the newest of the run
  readonly adapterSha256: string | null // of its adapter_model.safetensors
  readonly baseline: {
    readonly loss: number | null
    readonly tokens: number
    readonly perAgent: readonly AgentEvaluation[]
  } | null
  readonly final: {
    readonly loss: number | null
    readonly tokens: number
    readonly perAgent: readonly AgentEvaluation[]
  } | null
  readonly rounds: readonly RoundRecord[]
  readonly createdAt: string
  readonly endedAt: string | null
}
