import {
  asLoricaError,
  type Decline,
  type Evaluation,
  LoricaError,
  type Progress,
  type RunView,
} from '@lorica/protocol'
import { wait } from '../clock.js'
import type { Presence } from '../fleet/roster.js'
import type { SeatMark } from '../journal-event.js'
import { type ActiveRun, activateRun } from './active-run.js'
import { createBell } from './bell.js'
import { conduct } from './conduct.js'
import { notYours } from './intake.js'
import { askToMeasure, takeAnswer } from './measuring.js'
import type { Parts } from './parts.js'
import { type Run, runView } from './run.js'
import { askToTrain, failRound, inviteLate } from './training.js'

/** Works on one run after the other, and hears what agents say about them. */
export interface Conductor {
  /** The run that is worked on now. */
  active(): ActiveRun | undefined
  /** There is a new run to work on. */
  runAdded(): void
  cancel(runId: string): Promise<void>
  arrived(presence: Presence): void
  departed(agentId: string): void
  declined(agentId: string, decline: Decline): void
  evaluated(agentId: string, evaluation: Evaluation): void
  progressed(agentId: string, progress: Progress): void
  view(run: Run): RunView
  /** How far the seats of the open round of a run are. */
  marksOf(runId: string): ReadonlyMap<string, SeatMark>
  /** Stops where it is; the journal knows where to go on. */
  stop(): Promise<void>
}

const DISK_RETRY_MS = 5000

/** Starts working on the runs of the ledger that have not ended, oldest first. */
export function startConductor(parts: Parts): Conductor {
  const stopping = new AbortController()
  const queue = createBell()
  let active: ActiveRun | undefined
  const nextRun = () => parts.ledger.runs().find(({ ended }) => ended === null)

  async function work(): Promise<void> {
    for (;;) {
      await queue.until(() => nextRun() !== undefined, stopping.signal)
      const { runId } = nextRun()!
      active = activateRun(parts, runId, {
        declined: (agentId, decline) => conductor.declined(agentId, decline),
        lapsed: () => inviteAll(),
      })
      try {
        await conduct(parts, active)
        end(active, 'succeeded', 'all rounds are committed')
      } catch (error) {
        if (stopping.signal.aborted) return
        await failed(active, asLoricaError(error))
      } finally {
        active.close()
        active = undefined
      }
    }
  }

  async function failed(run: ActiveRun, error: LoricaError): Promise<void> {
    if (run.run().ended !== null) return
    parts.log('run-stopped', { run: run.runId, code: error.code, why: error.message })
    if (error.code === 'LRC-9001')
      parts.log('fault', { stack: (error.cause as Error)?.stack ?? error.message })
    if (error.code === 'LRC-5005') {
      await wait(parts.clock, DISK_RETRY_MS)
      return
    }
    if (run.run().current !== null) failRound(parts, run, `${error.code}: ${error.message}`)
    end(run, 'failed', `${error.code}: ${error.message}`)
  }

  function end(run: ActiveRun, state: 'succeeded' | 'failed' | 'cancelled', reason: string): void {
    const { runId } = run
    parts.ledger.record({ type: 'run-ended', runId, state, reason })
    parts.log('run-ended', { run: runId, state })
    for (const presence of parts.roster.all()) {
      presence.sendRunEnded({ runId, state }).catch(() => undefined) // an agent that misses it closes its engine later
    }
  }

  function inviteAll(): void {
    if (active !== undefined) for (const agent of parts.roster.eligible()) inviteLate(parts, active, agent)
  }

  const conductor: Conductor = {
    active: () => active,
    runAdded: () => queue.ring(),
    async cancel(runId) {
      const run = parts.ledger.run(runId)
      if (run === undefined) throw new LoricaError('LRC-3004', `no run ${runId}`, { received: runId })
      if (run.ended !== null) throw new LoricaError('LRC-3005', `run ${runId} has ended: ${run.ended.state}`)
      const reason = 'cancelled by an operator'
      if (active?.runId === runId) {
        if (run.current !== null) failRound(parts, active, reason)
        end(active, 'cancelled', reason)
        active.abort.abort(new LoricaError('LRC-3009', reason))
      } else {
        parts.ledger.record({ type: 'run-ended', runId, state: 'cancelled', reason })
      }
      await parts.ledger.flush()
    },
    arrived(presence) {
      if (active === undefined) return
      const { agentId } = presence
      active.leases.present(agentId)
      askToTrain(parts, active, agentId)
      askToMeasure(active, agentId)
      inviteAll()
      active.bell.ring()
    },
    departed(agentId) {
      active?.leases.lost(agentId)
      active?.bell.ring()
    },
    declined(agentId, { assignmentId, code, message }) {
      if (active === undefined || takeAnswer(active, agentId, assignmentId, null)) return
      const { current, runId } = active.run()
      const seat = current?.seats.get(agentId)
      if (current === null || seat?.assignmentId !== assignmentId || seat.status !== 'training') return
      const { round } = current
      const { name } = seat
      parts.ledger.record({
        type: 'agent-declined',
        runId,
        round,
        agentId,
        name,
        assignmentId,
        code,
        message,
      })
      active.bell.ring()
    },
    evaluated(agentId, { assignmentId, lossSum, tokens }) {
      const round = active?.measurement?.round ?? 0
      if (active === undefined || !takeAnswer(active, agentId, assignmentId, { lossSum, tokens })) {
        throw notYours(assignmentId)
      }
      const name = parts.ledger.member(agentId)?.name ?? agentId
      const answer = { round, agentId, name, loss: lossSum / tokens, tokens }
      parts.ledger.announce(active.runId, (stamp) => ({ ...stamp, type: 'evaluation-received', ...answer }))
    },
    progressed(agentId, { assignmentId, ...progress }) {
      if (active === undefined) return
      const seat = active.run().current?.seats.get(agentId)
      const isMeasuring = active.measurement?.state.assignments.get(agentId) === assignmentId
      if (seat?.assignmentId !== assignmentId && !isMeasuring) return
      const round = active.measurement?.round ?? active.run().current?.round ?? 0
      const name = parts.ledger.member(agentId)?.name ?? agentId
      const { phase, step, steps } = progress
      active.marks.progressed(agentId, { phase, step, steps, at: new Date(parts.clock.now()).toISOString() })
      parts.ledger.announce(active.runId, (stamp) => ({
        ...stamp,
        type: 'progress',
        round,
        agentId,
        name,
        ...progress,
      }))
    },
    view: (run) => runView(run, { isActive: active?.runId === run.runId, waiting: active?.waiting ?? null }),
    marksOf: (runId) => (active?.runId === runId ? active.marks.byAgent() : new Map()),
    async stop() {
      const reason = new LoricaError('LRC-3009', 'the coordinator is stopping')
      stopping.abort(reason)
      active?.abort.abort(reason)
      await working
    },
  }
  const working = work().catch((error: unknown) => {
    if (!stopping.signal.aborted) parts.log('fault', { stack: (error as Error).stack ?? String(error) })
  })
  return conductor
}
