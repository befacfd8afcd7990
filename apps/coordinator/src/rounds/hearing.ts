/**
 * What agents say, brought to the run that it is about.
 * @module
 */
import type { Decline, Evaluation, Progress } from '@lorica/protocol'
import { isCorrected } from '../aggregation/scaffold.js'
import type { Presence } from '../fleet/roster.js'
import { openSeats, roundOf } from '../runs/open-seats.js'
import type { ActiveRun } from './active-run.js'
import { notYours } from './intake.js'
import type { Leases } from './leases.js'
import { askToMeasure, expectSeen, takeAnswer } from './measuring.js'
import type { Parts } from './parts.js'
import { dropOut, type SumMessage, takeSumAnswer } from './sum-hearing.js'
import { tellAgain } from './sum-step.js'
import { askToTrain, inviteWaiting } from './training.js'

/** Hears agents. */
export interface Hearing {
  arrived(presence: Presence): void
  /** `closed`: the side of the agent ended the connection; `silent`: it fell silent. */
  departed(agentId: string, how: 'closed' | 'silent'): void
  declined(agentId: string, decline: Pick<Decline, 'assignmentId' | 'code' | 'message'>): void
  /** Throws LoricaError LRC-4001 for an assignment that the agent does not have, and LRC-4019 for a loss that was to be masked. */
  evaluated(agentId: string, evaluation: Evaluation): void
  progressed(agentId: string, progress: Progress): void
  /** An agent answered a step of a secure sum. Throws LoricaError LRC-4001, LRC-4019 or LRC-6019. */
  summed(agentId: string, answer: SumMessage): object
  /** An agent was taken out of the fleet: what it brought to rounds that are open does not count. */
  revoked(agentId: string): void
  /** An agent read bytes of a file. */
  downloaded(agentId: string, sha256: string, sizeBytes: number): void
}

/** Hears what agents say of the runs that `activeRuns` gives, oldest first. */
export function createHearing(parts: Parts, leases: Leases, activeRuns: () => readonly ActiveRun[]): Hearing {
  const nameOf = (agentId: string): string => parts.ledger.member(agentId)?.name ?? agentId

  return {
    arrived(presence) {
      const { agentId } = presence
      leases.present(agentId)
      for (const active of activeRuns()) {
        askToTrain(active, agentId)
        askToMeasure(active, agentId)
        tellAgain(parts, active, agentId)
        inviteWaiting(parts, active)
        active.bell.ring()
      }
    },
    departed(agentId, how) {
      leases.lost(agentId, how)
      for (const active of activeRuns()) active.bell.ring()
    },
    declined(agentId, { assignmentId, code, message }) {
      for (const active of activeRuns()) {
        dropOut(active, agentId, { assignmentId, why: `${code}: ${message}` })
        if (takeAnswer(active, agentId, assignmentId, null)) return
        const { runId } = active
        const open = openSeats(active.run(), agentId)
        const seat = open?.seats.get(agentId)
        if (open === null || seat?.assignmentId !== assignmentId || seat.status !== 'training') continue
        const round = roundOf(seat, open)
        const said = { agentId, name: seat.name, assignmentId, code, message }
        parts.ledger.record({ type: 'agent-declined', runId, round, ...said })
        active.bell.ring()
        return
      }
    },
    evaluated(agentId, { assignmentId, lossSum, tokens, comparison }) {
      for (const active of activeRuns()) {
        const round = active.measurement?.round ?? 0
        expectSeen(active, agentId, assignmentId)
        if (!takeAnswer(active, agentId, assignmentId, { lossSum, tokens, comparison })) continue
        const answer = { round, agentId, name: nameOf(agentId), loss: lossSum / tokens, tokens }
        parts.ledger.announce(active.runId, (stamp) => ({ ...stamp, type: 'evaluation-received', ...answer }))
        return
      }
      throw notYours(assignmentId)
    },
    progressed(agentId, { assignmentId, ...progress }) {
      for (const active of activeRuns()) {
        const { measurement } = active
        const open = openSeats(active.run(), agentId)
        const seat = open?.seats.get(agentId)
        const isMeasuring = measurement?.state.assignments.get(agentId) === assignmentId
        if (seat?.assignmentId !== assignmentId && !isMeasuring) continue
        const { phase, step, steps, waiting } = progress
        leases.moved(agentId, { assignmentId, phase, step, steps })
        active.marks.progressed(agentId, {
          ...{ phase, step, steps, at: new Date(parts.clock.now()).toISOString() },
          ...(waiting === undefined ? {} : { waiting }),
        })
        const trained = open === null || seat === undefined ? 0 : roundOf(seat, open)
        const round = isMeasuring ? (measurement?.round ?? 0) : trained
        const said = { round, agentId, name: nameOf(agentId), ...progress }
        parts.ledger.announce(active.runId, (stamp) => ({ ...stamp, type: 'progress', ...said }))
        return
      }
    },
    summed(agentId, message) {
      leases.touched(agentId)
      const active = activeRuns().find(({ run, measurement }) =>
        [
          run().current?.seats.get(agentId)?.assignmentId,
          measurement?.state.assignments.get(agentId),
        ].includes(message.assignmentId),
      )
      if (active === undefined) throw notYours(message.assignmentId)
      takeSumAnswer(parts, active, agentId, message)
      active.bell.ring()
      return {}
    },
    revoked(agentId) {
      leases.lost(agentId, 'closed')
      for (const active of activeRuns()) {
        const measuring = active.measurement?.state.assignments.get(agentId) ?? ''
        dropOut(active, agentId, { assignmentId: measuring, why: 'it was revoked by an operator' })
        takeAnswer(active, agentId, measuring, null)
        revokeSeat(parts, active, agentId)
        active.bell.ring()
      }
    },
    downloaded(agentId, sha256, sizeBytes) {
      leases.touched(agentId)
      const reading = activeRuns().find((active) => handsOut(active, agentId, sha256))
      reading?.marks.moved(agentId, 'down', sizeBytes)
    },
  }
}

function revokeSeat(parts: Parts, active: ActiveRun, agentId: string): void {
  const { runId } = active
  const open = openSeats(active.run(), agentId)
  const seat = open?.seats.get(agentId)
  if (open === null || open.isClosed || seat === undefined) return
  const updateSha256 = seat.status === 'accepted' ? seat.contribution.updateSha256 : null
  if (updateSha256 === null && seat.status !== 'training') return
  const why = { code: 'LRC-2011', message: 'its agent was revoked by an operator' } as const
  const round = roundOf(seat, open)
  parts.ledger.record({ type: 'seat-revoked', runId, round, agentId, name: seat.name, updateSha256, ...why })
}

/** Whether an agent needs a file for what a run asked of it. */
function handsOut(active: ActiveRun, agentId: string, sha256: string): boolean {
  const run = active.run()
  const { base, adapter, current } = run
  const seat = openSeats(run, agentId)?.seats.get(agentId)
  const isAsked = seat !== undefined || active.measurement?.state.assignments.has(agentId) === true
  const starts = seat?.start?.files ?? adapter.files
  const control = isCorrected(run.spec) && run.optimizerState !== null ? [run.optimizerState] : []
  const files = [...starts, ...adapter.files, ...control, ...(current?.candidate ?? []), ...base.files]
  return isAsked && files.some((file) => file.sha256 === sha256)
}
