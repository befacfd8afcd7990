import type { RunEvent } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import { type Run, weightsSha256 } from '../runs/run.js'

/** What operators see of a line of the journal, or undefined for a line that is not about a run. `run` is the run after it. */
export function runEventOf(entry: JournalEntry, run: Run | undefined): RunEvent | undefined {
  const { seq, at, event } = entry
  if (run === undefined || !('runId' in event)) return undefined
  const stamp = { seq, at, runId: event.runId }
  switch (event.type) {
    case 'run-created':
      return { ...stamp, type: 'run-created', name: event.spec.name }
    case 'baseline-evaluated':
    case 'final-evaluated':
      return { ...stamp, type: event.type, loss: event.measured.loss, tokens: event.measured.tokens }
    case 'round-planned': {
      const { round, attempt, seats, over = [] } = event
      const ended = over.map(({ agentId, name, kind, code, message }) => ({
        ...{ agentId, name, kind, code, message },
      }))
      return {
        ...{ ...stamp, type: 'round-planned', round, attempt, agents: seats.map(({ name }) => name) },
        ...(ended.length === 0 ? {} : { over: ended }),
      }
    }
    case 'update-accepted': {
      const { agentId, name, updateSha256, sizeBytes, lossFirst, lossLast } = event.contribution
      const { round } = event
      return {
        ...stamp,
        type: 'update-accepted',
        round,
        agentId,
        name,
        updateSha256,
        sizeBytes,
        lossFirst,
        lossLast,
      }
    }
    case 'update-refused':
    case 'agent-declined': {
      const { type, round, agentId, name, code, message } = event
      return { ...stamp, type, round, agentId, name, code, message }
    }
    case 'seat-revoked': {
      const { round, agentId, name, code, message } = event
      return { ...stamp, type: 'update-refused', round, agentId, name, code, message }
    }
    case 'privacy-charged': {
      const { round, sites, charge, delta, spent } = event
      const names = sites.map(({ name }) => name)
      return {
        ...stamp,
        type: 'privacy-charged',
        round,
        unit: charge.unit,
        sites: names,
        epsilon: spent,
        delta,
      }
    }
    case 'round-aggregated':
      return {
        ...stamp,
        type: 'round-aggregated',
        round: event.round,
        adapterSha256: weightsSha256(event.files),
      }
    case 'round-committed':
      return { ...stamp, type: 'round-committed', record: event.record }
    case 'round-failed':
      return {
        ...stamp,
        type: 'round-failed',
        round: event.round,
        attempt: event.attempt,
        reason: event.reason,
      }
    case 'run-ended': {
      const { state, reason } = event
      const adapterSha256 = run.release === null ? null : weightsSha256(run.adapter.files)
      return { ...stamp, type: 'run-ended', state, reason, release: run.release, adapterSha256 }
    }
    default:
      return undefined
  }
}
