import { asLoricaError, LoricaError, type RunView } from '@lorica/protocol'
import { wait } from '../clock.js'
import type { SeatMark } from '../journal/event.js'
import { waitingUpdates } from '../runs/carry.js'
import { type Run, runView } from '../runs/run.js'
import { type ActiveRun, activateRun } from './active-run.js'
import { conduct } from './conduct.js'
import { createHearing, type Hearing } from './hearing.js'
import { createLeases, type Leases } from './leases.js'
import type { Parts } from './parts.js'
import { failRound, inviteWaiting } from './training.js'

/** Works on every run that has not ended, and hears what agents say about them. */
export interface Conductor extends Hearing {
  /** A run that is worked on now. */
  active(runId: string): ActiveRun | undefined
  /** Every run that is worked on now, oldest first. */
  activeRuns(): readonly ActiveRun[]
  /** There is a new run to work on. */
  runAdded(): void
  cancel(runId: string): Promise<void>
  /** Decides over the candidate that the guards of the run left to a person. LRC-3024: there is none. */
  decide(runId: string, decision: 'released' | 'rejected', reason: string | null): Promise<void>
  /** The run opens no new round; an open one ends normally. Nothing happens when it is paused already. */
  pause(runId: string): Promise<void>
  resume(runId: string): Promise<void>
  /** What is known of the agents changed: labels, or who is cordoned. */
  fleetChanged(): void
  view(run: Run): RunView
  /** How far the seats of the open round of a run are. */
  marksOf(runId: string): ReadonlyMap<string, SeatMark>
  readonly leases: Leases
  /** Stops where it is; the journal knows where to go on. */
  stop(): Promise<void>
}

const DISK_RETRY_MS = 5000

/**
 * Starts working on the runs of the ledger that have not ended, all at once: each asks an agent for one thing at a time, and
 * an agent does what it was asked in that order, so that runs take turns on it.
 */
export function startConductor(parts: Parts): Conductor {
  const stopping = new AbortController()
  const leases = createLeases(parts.clock, parts.leaseMs)
  const activeRuns = new Map<string, ActiveRun>() // in the order in which the runs were created
  const working = new Map<string, Promise<void>>()
  const hearing = createHearing(parts, leases, () => [...activeRuns.values()])

  function begin(): void {
    if (stopping.signal.aborted) return
    for (const { runId, ended } of parts.ledger.runs()) {
      if (ended !== null || activeRuns.has(runId)) continue
      const active = activateRun(parts, runId, leases, hearing)
      activeRuns.set(runId, active)
      const work = workOn(active)
        .catch((error: unknown) => parts.log('fault', { stack: (error as Error).stack ?? String(error) }))
        .finally(() => {
          activeRuns.delete(runId)
          working.delete(runId)
        })
      working.set(runId, work)
    }
  }

  async function workOn(active: ActiveRun): Promise<void> {
    while (active.run().ended === null) {
      try {
        await conduct(parts, active)
        end(active, 'succeeded', 'all rounds are committed')
      } catch (error) {
        if (stopping.signal.aborted) return
        await failed(active, asLoricaError(error))
      }
    }
  }

  async function failed(active: ActiveRun, error: LoricaError): Promise<void> {
    if (active.run().ended !== null) return
    parts.log('run-stopped', { run: active.runId, code: error.code, why: error.message })
    if (error.code === 'LRC-9001')
      parts.log('fault', { stack: (error.cause as Error)?.stack ?? error.message })
    parts.readiness.noted(error)
    if (error.code === 'LRC-5005' || error.code === 'LRC-5009') {
      await wait(parts.clock, DISK_RETRY_MS, active.abort.signal).catch(() => undefined)
      return
    }
    if (active.run().current !== null) failRound(parts, active, `${error.code}: ${error.message}`)
    end(active, 'failed', `${error.code}: ${error.message}`)
  }

  function end(active: ActiveRun, state: 'succeeded' | 'failed' | 'cancelled', reason: string): void {
    const { runId } = active
    recordEnd(active.run(), state, reason)
    parts.log('run-ended', { run: runId, state })
    for (const presence of parts.roster.all()) {
      presence.sendRunEnded({ runId, state }).catch(() => undefined) // an agent that misses it closes its engine later
    }
  }

  function recordEnd(
    { runId, carried }: Run,
    state: 'succeeded' | 'failed' | 'cancelled',
    reason: string,
  ): void {
    const discarded = waitingUpdates({ carried })
    const updates = discarded.length === 0 ? {} : { discarded }
    parts.ledger.record({ type: 'run-ended', runId, state, reason, ...updates })
  }

  /** A run that has not ended. Throws LoricaError LRC-3004 or LRC-3005. */
  function unended(runId: string): Run {
    const run = parts.ledger.run(runId)
    if (run === undefined) throw new LoricaError('LRC-3004', `no run ${runId}`, { received: runId })
    if (run.ended !== null) throw new LoricaError('LRC-3005', `run ${runId} has ended: ${run.ended.state}`)
    return run
  }

  async function setPaused(runId: string, isPaused: boolean): Promise<void> {
    if (unended(runId).isPaused === isPaused) return
    parts.ledger.record({ type: isPaused ? 'run-paused' : 'run-resumed', runId })
    activeRuns.get(runId)?.bell.ring()
    await parts.ledger.flush()
  }

  begin()
  return {
    ...hearing,
    leases,
    active: (runId) => activeRuns.get(runId),
    activeRuns: () => [...activeRuns.values()],
    runAdded: begin,
    async cancel(runId) {
      const run = unended(runId)
      const reason = 'cancelled by an operator'
      const active = activeRuns.get(runId)
      if (active === undefined) {
        recordEnd(run, 'cancelled', reason)
      } else {
        if (run.current !== null) failRound(parts, active, reason)
        end(active, 'cancelled', reason)
        active.abort.abort(new LoricaError('LRC-3009', reason))
      }
      await parts.ledger.flush()
    },
    async decide(runId, decision, reason) {
      const { current } = unended(runId)
      if (current === null || current.held === null || current.held.decision !== null)
        throw new LoricaError('LRC-3024', `no candidate of run ${runId} waits for a person`)
      parts.ledger.record({ type: 'candidate-decided', runId, round: current.round, decision, reason })
      activeRuns.get(runId)?.bell.ring()
      await parts.ledger.flush()
    },
    pause: (runId) => setPaused(runId, true),
    resume: (runId) => setPaused(runId, false),
    fleetChanged() {
      for (const active of activeRuns.values()) {
        inviteWaiting(parts, active)
        active.bell.ring()
      }
    },
    view(run) {
      const active = activeRuns.get(run.runId)
      return runView(run, { isActive: active !== undefined, waiting: active?.waiting ?? null })
    },
    marksOf: (runId) => activeRuns.get(runId)?.marks.byAgent() ?? new Map(),
    async stop() {
      const reason = new LoricaError('LRC-3009', 'the coordinator is stopping')
      stopping.abort(reason)
      for (const active of activeRuns.values()) active.abort.abort(reason)
      await Promise.all(working.values())
    },
  }
}
