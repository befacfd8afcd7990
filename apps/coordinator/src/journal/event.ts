import type {
  AgentFate,
  AggregationView,
  ContributionRecord,
  FileReference,
  LastProgress,
  LateStart,
  RefusalRecord,
  ReleaseAudit,
  RoundRecord,
  RunSpec,
} from '@lorica/protocol'

import type { Alarm } from '../fleet/alarms.js'
import type { Operator } from '../fleet/operators.js'
import type { TokenRecord } from '../fleet/tokens.js'
import type { RequestMark } from '../request-mark.js'
import type { CandidateEvent, Measured } from './candidate-event.js'
import type { MeasurementEvent } from './measurement-event.js'
import type { PrivacyEvent, RoundPrivacy } from './privacy-event.js'
import type { RolloutEvent } from './rollout-event.js'
import type { SumEvent } from './sum-event.js'

export type { Measured } from './candidate-event.js'

/** The base of a run, pinned by content. */
export interface PinnedBase {
  readonly path: string // of the folder or .onnx file, absolute
  readonly folder: string // that the paths of files are relative to
  readonly name: string
  readonly sha256: string
  readonly files: readonly FileReference[]
}

/** A place in a round: one agent and what it was asked. */
export interface Seat {
  readonly agentId: string
  readonly name: string
  readonly assignmentId: string
  /** What the agent said it trains with when it was asked: its device, and the library where it named one. */
  readonly device?: string
  /** What it is asked to train, in a run whose agents have ranks of their own. */
  readonly rank?: number
  /** Of a seat of an earlier round that went on in this one: what it started from. */
  readonly start?: SeatStart
}

/** The adapter that a seat of an earlier round started from. */
export interface SeatStart extends LateStart {
  readonly files: readonly FileReference[]
}

/** A seat of an earlier round that does not go on, and why. */
export interface SeatOver extends RefusalRecord {
  readonly assignmentId: string
  readonly late: LateStart
  readonly updateSha256?: string // of the update that had been accepted, and counts nowhere
}

/** An update that had been accepted, and counts nowhere. */
export interface Discarded {
  readonly agentId: string
  readonly updateSha256: string
  readonly code: 'LRC-4016'
}

/** An agent that had no seat when a round was planned, and why. */
export interface Bystander {
  readonly agentId: string
  readonly name: string
  readonly fate: Extract<AgentFate, 'unsuited' | 'reserve' | 'excluded' | 'cordoned' | 'away'>
  readonly reason: string
}

/** How far a seat was when its round closed or ended, and what went over its link for that. */
export interface SeatMark {
  readonly agentId: string
  readonly bytesUp: number
  readonly bytesDown: number
  readonly progress: LastProgress | null
  readonly absence?: string // why its seat was given up, in words
}

/** What a seat brought in: the record of it, and where its bytes lie. */
export interface Contribution extends Omit<ContributionRecord, 'weight'> {
  readonly assignmentId: string
  readonly sizeBytes: number
  readonly acceptedAt: string
}

/** A line that creates something for an operator. */
interface Creating {
  readonly request?: RequestMark
}

/** Events of the fleet. */
export type FleetEvent =
  | {
      readonly type: 'coordinator-started'
      readonly coordinatorId: string
      readonly software: string
      readonly epoch?: number // of its lead of the store
    }
  | ({ readonly type: 'token-issued' } & TokenRecord & Creating)
  | {
      readonly type: 'agent-joined'
      readonly agentId: string
      readonly name: string
      readonly labels: Readonly<Record<string, string>>
      readonly publicKey: string
      readonly secretSha256: string // of the token that it joined with
      readonly isApproved: boolean
    }
  /** A root is in force from now on: who may sign. */
  | { readonly type: 'root-published'; readonly version: number; readonly sha256: string }
  | ({ readonly type: 'operator-added' } & Operator & Creating)
  | { readonly type: 'operator-removed'; readonly name: string }
  /** The accepted updates of runs that had ended were removed by an operator. */
  | { readonly type: 'updates-removed'; readonly runIds: readonly string[] }
  /** The base of a run as it is, as a release: the adapter that the run starts from. */
  | {
      readonly type: 'base-released'
      readonly release: string
      readonly releaseId: string
      readonly run: string
    }
  /** An alias names this release from now on; null: none. */
  | { readonly type: 'alias-moved'; readonly alias: string; readonly release: string | null }
  /** An audit of a release, which it refutes or not. */
  | ({ readonly type: 'release-audited' } & ReleaseAudit)
  | ({ readonly type: 'alarm' } & Alarm)
  | {
      readonly type: 'agent-key-offered'
      readonly agentId: string
      readonly publicKey: string // that is to replace the one it has
      readonly isApproved: boolean
      readonly proof?: { readonly nonce: string; readonly signature: string } // by the one it has, for other agents to check
    }
  | { readonly type: 'agent-key-changed'; readonly agentId: string; readonly publicKey: string }
  | { readonly type: 'agent-approved'; readonly agentId: string }
  | { readonly type: 'agent-cordoned'; readonly agentId: string; readonly isCordoned: boolean }
  | {
      readonly type: 'agent-labelled'
      readonly agentId: string
      readonly labels: Readonly<Record<string, string | null>> // in the place of those it joined with; null: taken away
    }
  | { readonly type: 'agent-left'; readonly agentId: string; readonly how: 'left' | 'revoked' | 'rejected' }

/** Events of one round that change its state. Those about a seat bear the round of its assignment, which may be an earlier one. */
export type RoundEvent = { readonly runId: string; readonly round: number } & (
  | { readonly type: 'agent-invited'; readonly seat: Seat }
  | { readonly type: 'update-accepted'; readonly contribution: Contribution }
  | {
      readonly type: 'update-refused' | 'agent-declined'
      readonly agentId: string
      readonly name: string
      readonly assignmentId: string
      readonly code: string
      readonly message: string
    }
  | {
      readonly type: 'seat-revoked' // its agent was taken out of the fleet: what it brought does not count
      readonly agentId: string
      readonly name: string
      readonly updateSha256: string | null // of the update that had been accepted
      readonly code: 'LRC-2011'
      readonly message: string
    }
  | { readonly type: 'round-closed'; readonly marks?: readonly SeatMark[] }
  | PrivacyEvent
  | {
      readonly type: 'round-aggregated'
      readonly files: readonly FileReference[]
      readonly aggregation?: AggregationView // how it was made
      readonly state?: FileReference // what the optimiser of the coordinator remembers if it is released
      readonly nextClip?: number // of the round after it, where the clip adapts
    }
  | SumEvent
  | CandidateEvent
)

/** Events of one run. */
export type RunJournalEvent =
  | ({
      readonly type: 'run-created'
      readonly runId: string
      readonly spec: RunSpec
      readonly seed: number
      readonly base: PinnedBase
      readonly files: readonly FileReference[] // of the adapter that it starts from
    } & Creating)
  | MeasurementEvent
  | { readonly type: 'baseline-evaluated'; readonly runId: string; readonly measured: Measured }
  | {
      readonly type: 'round-planned'
      readonly runId: string
      readonly round: number
      readonly attempt: number
      readonly minimum: number
      readonly goal: number | null // contributions that complete it; null: those of every seat
      readonly trusted?: string // agentId of the one without whose update it cannot be aggregated
      readonly deadlineAtMs: number | null // null: it ends by the progress of its agents
      readonly lateGraceMs?: number // after the deadline, for uploads that are under way
      readonly seats: readonly Seat[]
      readonly privacy?: RoundPrivacy // how it protects its sites
      readonly over?: readonly SeatOver[] // of earlier rounds, that do not go on in this one
      readonly bystanders?: readonly Bystander[]
      readonly bystandersNotNamed?: number
    }
  | RoundEvent
  | {
      readonly type: 'round-committed'
      readonly runId: string
      readonly round: number
      readonly record: RoundRecord
      readonly files: readonly FileReference[] // of the adapter that the next round starts from
      readonly version: number // of that adapter; 0: the one that the run started from
      readonly releaseId?: string // the hash of the manifest, where the round made a release
      readonly marks?: readonly SeatMark[]
    }
  | {
      readonly type: 'round-failed'
      readonly runId: string
      readonly round: number
      readonly attempt: number
      readonly reason: string
      readonly discarded: readonly Discarded[]
      readonly marks?: readonly SeatMark[]
    }
  | { readonly type: 'run-paused' | 'run-resumed'; readonly runId: string }
  | { readonly type: 'final-evaluated'; readonly runId: string; readonly measured: Measured }
  | {
      readonly type: 'run-ended'
      readonly runId: string
      readonly state: 'succeeded' | 'failed' | 'cancelled'
      readonly reason: string
      readonly discarded?: readonly Discarded[] // that waited for a next round
    }

export type JournalEvent = FleetEvent | RunJournalEvent | RolloutEvent
