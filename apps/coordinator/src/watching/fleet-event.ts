import type { FleetLiveEvent } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { RolloutStep } from '../journal/rollout-event.js'

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
    case 'rollout-refused': {
      const { type, run, release, code, message } = event
      return { ...stamp, type, run, release, code, message }
    }
    case 'champion-targeted':
      return { ...stamp, type: event.type, serial: event.target.serial, release: event.target.release }
    case 'target-reported': {
      const { type, agentId, release, outcome, isServed, reason } = event
      return { ...stamp, type, agentId, release, outcome, isServed, reason }
    }
    default:
      return 'rolloutId' in event ? stepOf(stamp, event) : undefined
  }
}

/** A step of a rollout; what single agents measured for it is not shown. */
function stepOf(
  stamp: { readonly seq: number; readonly at: string },
  event: RolloutStep,
): FleetLiveEvent | undefined {
  if (event.type === 'rollout-measured') return undefined
  return {
    ...stamp,
    type: 'rollout-step',
    rollout: event.rolloutId,
    step: event.type.replace('rollout-', ''),
    group: 'group' in event ? event.group : null,
    reason: 'reason' in event ? event.reason : null,
  }
}
