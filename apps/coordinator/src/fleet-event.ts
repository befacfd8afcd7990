import type { FleetLiveEvent } from '@lorica/protocol'
import type { JournalEntry } from './journal-chain.js'

/** What operators of any role see of a line of the journal that is not a run's, or undefined for what is not shown: tokens and operators. */
export function fleetEventOf({ seq, at, event }: JournalEntry): FleetLiveEvent | undefined {
  const stamp = { seq, at }
  switch (event.type) {
    case 'coordinator-started':
      return { ...stamp, type: event.type, software: event.software }
    case 'agent-joined': {
      const { type, agentId, name, isApproved } = event
      return { ...stamp, type, agentId, name, isApproved }
    }
    case 'agent-key-offered':
      return { ...stamp, type: event.type, agentId: event.agentId, isApproved: event.isApproved }
    case 'agent-approved':
    case 'agent-key-changed':
      return { ...stamp, type: event.type, agentId: event.agentId }
    case 'agent-labelled':
      return { ...stamp, type: event.type, agentId: event.agentId, labels: event.labels }
    case 'agent-cordoned':
      return { ...stamp, type: event.type, agentId: event.agentId, isCordoned: event.isCordoned }
    case 'agent-left':
      return { ...stamp, type: event.type, agentId: event.agentId, how: event.how }
    case 'run-paused':
    case 'run-resumed':
      return { ...stamp, type: event.type, runId: event.runId }
    case 'alias-moved':
      return { ...stamp, type: event.type, alias: event.alias, release: event.release }
    case 'release-audited':
      return {
        ...stamp,
        type: event.type,
        release: event.release,
        verdict: event.verdict,
        reason: event.reason,
      }
    case 'alarm': {
      const { type, kind, subject, detail, count } = event
      return { ...stamp, type, kind, subject, detail, count }
    }
    default:
      return undefined
  }
}
