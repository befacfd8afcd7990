import type { Adapter } from '@lorica/peft-core'
import { type Assignment, asLoricaError, type FileReference, LoricaError } from '@lorica/protocol'
import { type Starts, startsOf } from '../aggregation/starts.js'
import { readStoredAdapter } from '../aggregation/stored-adapter.js'
import type { Moment, RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import { type Bell, createBell } from './bell.js'
import type { Leases } from './leases.js'
import { createMarks, type Marks } from './marks.js'
import type { Measurement } from './measurement.js'
import type { OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { createUploadWatch, type UploadWatch } from './upload-watch.js'

/** A measurement that is under way, and what its agents were asked. */
export interface OpenMeasurement {
  readonly round: number
  readonly state: Measurement
  readonly isUnseen: boolean // what is measured comes masked, or not at all
  assignmentFor(assignmentId: string): Assignment
}

/** A run that the coordinator works on now: what is known of it beside the journal. */
export interface ActiveRun {
  readonly runId: string
  readonly bell: Bell
  readonly leases: Leases // of all agents, shared by all runs
  readonly abort: AbortController
  waiting: string | null // what it waits for, in words
  measurement: OpenMeasurement | null
  sum: OpenSum | null // of updates or losses that nobody sees, while one is under way
  roundStartedMs: number // by the monotonic clock, when the open round was planned
  readonly marks: Marks // since then
  readonly uploads: UploadWatch
  run(): Run
  /** Milliseconds since 1970, from when the work began: a clock that is set meanwhile moves no deadline. */
  nowMs(): number
  /** The adapter that the next round starts from; cut down to a rank, for an agent of that rank. */
  adapter(rank?: number): Promise<Adapter>
  /** Makes an assignment and sends it once the journal has it, or notes that its agent is not connected. A refusal is a decline. */
  ask(agentId: string, assignmentId: string, make: () => Assignment | Promise<Assignment>): void
}

/** What the work on a run calls back with. */
export interface ActiveRunListener {
  /** An agent refused an assignment. */
  declined(agentId: string, decline: { assignmentId: string; code: string; message: string }): void
}

/** Starts work on a run. */
export function activateRun(
  parts: Parts,
  runId: string,
  leases: Leases,
  listener: ActiveRunListener,
): ActiveRun {
  const { clock } = parts
  const run = () => runOf(parts, runId)
  const abort = new AbortController()
  const startedAtMs = clock.now() - clock.monotonicMs()
  let cached: { readonly files: readonly FileReference[]; readonly starts: Starts } | undefined

  const ask: ActiveRun['ask'] = (agentId, assignmentId, make) => {
    const presence = parts.roster.find(agentId)
    if (presence === undefined) {
      leases.lost(agentId, 'silent')
      return
    }
    leases.asked(agentId)
    const made = Promise.all([make(), parts.ledger.safe(abort.signal)])
    const sent = made.then(([assignment]) => {
      expectKnown(assignment, presence.hello.protocol)
      return presence.sendAssignment(assignment)
    })
    sent.catch((error: unknown) => {
      if (abort.signal.aborted || parts.roster.find(agentId) !== presence) return // it is sent again when the agent is back
      const { code, message } = asLoricaError(error)
      if (code === 'LRC-1009') return // no answer is no refusal: the agent may have it all the same, and its lease decides
      listener.declined(agentId, { assignmentId, code, message })
    })
  }

  return {
    runId,
    bell: createBell(),
    leases,
    abort,
    waiting: null,
    measurement: null,
    sum: null,
    roundStartedMs: clock.monotonicMs(),
    marks: createMarks(),
    uploads: createUploadWatch(clock, parts.leaseMs),
    run,
    nowMs: () => startedAtMs + clock.monotonicMs(),
    adapter(rank) {
      const { adapter, spec } = run()
      const { files } = adapter
      if (cached?.files !== files)
        cached = { files, starts: startsOf(readStoredAdapter(parts.blobs, files), spec.peft.rank) }
      return cached.starts(rank)
    },
    ask,
  }
}

/** Throws LoricaError LRC-1008 for an agent that would be told nothing of a secure sum, and answer in the clear. */
function expectKnown({ secure }: Assignment, protocol: number): void {
  if (secure === undefined || protocol >= SECURE_SINCE) return
  throw new LoricaError('LRC-1008', `speaks protocol ${protocol}, and secure sums need ${SECURE_SINCE}`)
}

const SECURE_SINCE = 2

/** What is known now, beside the journal, of the seats of a round. */
export function momentOf({ nowMs, leases, uploads }: ActiveRun, { seats }: RoundState): Moment {
  const waiting = [...seats.values()].filter(({ status }) => status === 'training')
  const lapsed = waiting.map(({ agentId }) => agentId).filter((agentId) => leases.hasLapsed(agentId))
  return {
    nowMs: nowMs(),
    lapsed: new Set(lapsed),
    hung: new Set(lapsed.filter((agentId) => leases.contact(agentId).kind === 'connected')),
    uploading: uploads.underWay(),
  }
}

function runOf(parts: Parts, runId: string): Run {
  const run = parts.ledger.run(runId)
  if (run === undefined) throw new LoricaError('LRC-3004', `no run ${runId}`)
  return run
}
