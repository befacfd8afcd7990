import type { MetricView, RolloutSpec } from '@lorica/protocol'
import type { RequestMark } from '../request-mark.js'

/** A target that was issued: it is signed again from these fields whenever it is sent. */
export interface IssuedTarget {
  readonly serial: number
  readonly release: string
  readonly releaseId: string
  readonly previous: string | null
  readonly rollout: string | null // that it is part of
  readonly issuedAt: string
  readonly expiresAt: string
}

/** The agents that a group adds to those before it. */
export interface PlannedGroup {
  readonly name: string
  readonly agents: readonly string[] // agentIds
}

/** Losses of held-out rows under a release minus those under the champion, of one agent. */
export interface LossPairs {
  readonly count: number
  readonly sum: number
  readonly sumOfSquares: number
  readonly against: number // mean loss under the champion
}

type By = 'operator' | 'analysis' | 'errors' | 'plan' | 'webhook'

/** Events of one rollout. Those that change which release an agent is to have bear the target that says so. */
export type RolloutStep = { readonly rolloutId: string } & (
  | {
      readonly type: 'rollout-created'
      readonly release: string
      readonly releaseId: string
      readonly previous: string
      readonly previousId: string
      readonly isFirst?: boolean // previous is the base as it is
      readonly plan: RolloutSpec
      readonly groups: readonly PlannedGroup[]
      readonly cause: { readonly by: 'operator' | 'run'; readonly run: string | null }
      readonly request?: RequestMark // that it was started by
    }
  | { readonly type: 'rollout-approved' }
  | { readonly type: 'rollout-group-opened'; readonly group: number; readonly target: IssuedTarget }
  /** So many agents of the group that was opened last are told by now. */
  | { readonly type: 'rollout-admitted'; readonly count: number }
  /** A webhook was asked or told. */
  | {
      readonly type: 'rollout-webhook'
      readonly key: string // of the delivery
      readonly hook: string
      readonly outcome: 'proceed' | 'halt' | 'inconclusive' | 'told' | 'failed'
      readonly code: string | null
      readonly reason: string | null
      readonly tries: number
    }
  | { readonly type: 'rollout-renewed'; readonly target: IssuedTarget }
  | {
      readonly type: 'rollout-measured'
      readonly agentId: string
      readonly pairs: LossPairs | null // null: it does not measure
    }
  | { readonly type: 'rollout-soaking'; readonly group: number }
  | {
      readonly type: 'rollout-paused'
      readonly by: By
      readonly reason: string
      readonly evidence: readonly MetricView[] | null
    }
  | { readonly type: 'rollout-resumed' }
  /** A person goes on: what is open counts as good; `isFull`: and all groups after it. */
  | { readonly type: 'rollout-promoted'; readonly isFull: boolean }
  | {
      readonly type: 'rollout-retried' // from its first group, or once more where it is paused
      readonly target: IssuedTarget | null
    }
  | {
      readonly type: 'rollout-aborted'
      readonly by: By
      readonly reason: string
      readonly evidence: readonly MetricView[] | null
      readonly target: IssuedTarget | null // null: nobody had it
    }
  | {
      readonly type: 'rollout-done'
      readonly evidence: readonly MetricView[] | null
      readonly target: IssuedTarget
    }
  | {
      readonly type: 'rollout-undone'
      readonly by: By
      readonly reason: string
      readonly evidence: readonly MetricView[] | null
      readonly target: IssuedTarget
    }
  | { readonly type: 'rollout-watch-ended'; readonly evidence: readonly MetricView[] | null }
)

/** Events of the targets of a fleet. */
export type RolloutEvent =
  | RolloutStep
  /** The release of a run was to be rolled out, and was not. */
  | {
      readonly type: 'rollout-refused'
      readonly run: string
      readonly release: string
      readonly code: string
      readonly message: string
    }
  /** Every agent that no open rollout gives something else is to have the champion. */
  | { readonly type: 'champion-targeted'; readonly target: IssuedTarget }
  | {
      readonly type: 'target-reported'
      readonly agentId: string
      readonly serial: number
      readonly release: string
      readonly releaseId: string
      readonly outcome: 'applied' | 'failed'
      readonly isServed: boolean
      readonly downloadedBytes: number
      readonly switchMs: number
      readonly reason: string | null
    }
