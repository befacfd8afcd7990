import type { Progress } from '../messages/progress.js'
import type { RefusalRecord, RoundRecord, RunState } from './run-view.js'

interface Stamp {
  readonly seq: number // of the journal; a progress event repeats the last one
  readonly at: string
  readonly runId: string
}

interface OfAgent {
  readonly round: number
  readonly agentId: string
  readonly name: string
}

/** One line of GET /api/v1/runs/:id/events. */
export type RunEvent = Stamp &
  (
    | { readonly type: 'run-created'; readonly name: string }
    | { readonly type: 'run-waiting'; readonly reason: string }
    | { readonly type: 'baseline-evaluated'; readonly loss: number | null; readonly tokens: number }
    | {
        readonly type: 'round-planned'
        readonly round: number
        readonly attempt: number
        readonly agents: readonly string[]
        readonly over?: readonly RefusalRecord[] // seats of earlier rounds that do not go on in this one
      }
    | (OfAgent & { readonly type: 'progress' } & Omit<Progress, 'assignmentId'>)
    | (OfAgent & {
        readonly type: 'update-accepted'
        readonly updateSha256: string
        readonly sizeBytes: number
        readonly lossFirst: number | null // null: it is private
        readonly lossLast: number | null
      })
    | (OfAgent & { readonly type: 'update-refused'; readonly code: string; readonly message: string })
    | (OfAgent & { readonly type: 'agent-declined'; readonly code: string; readonly message: string })
    | {
        readonly type: 'privacy-charged' // before anything of the round is released
        readonly round: number
        readonly unit: 'site' | 'example'
        readonly sites: readonly string[] // names
        readonly epsilon: number | null // of the site that has spent most, over all runs; null: nothing can be promised
        readonly delta: number
      }
    | { readonly type: 'round-aggregated'; readonly round: number; readonly adapterSha256: string }
    | (OfAgent & { readonly type: 'evaluation-received'; readonly loss: number; readonly tokens: number })
    | { readonly type: 'round-committed'; readonly record: RoundRecord }
    | {
        readonly type: 'round-failed'
        readonly round: number
        readonly attempt: number
        readonly reason: string
      }
    | { readonly type: 'final-evaluated'; readonly loss: number | null; readonly tokens: number }
    | {
        readonly type: 'run-ended'
        readonly state: RunState
        readonly reason: string
        readonly release: string | null
        readonly adapterSha256: string | null
      }
  )
