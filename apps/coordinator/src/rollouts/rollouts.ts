/**
 * The rollouts of a fleet, and which release each agent is to have: what the journal adds up to.
 * @module
 */
import type { JournalEntry } from '../journal/chain.js'
import type { JournalEvent } from '../journal/event.js'
import type { IssuedTarget, RolloutEvent, RolloutStep } from '../journal/rollout-event.js'
import {
  createRollout,
  isExposed,
  isOpen,
  type Report,
  type Rollout,
  reportedTo,
  stepRollout,
} from './rollout.js'

export interface Rollouts {
  readonly all: ReadonlyMap<string, Rollout> // oldest first
  readonly serial: number // of the target that was issued last; 0: none was
  readonly champion: IssuedTarget | null // what agents are to have that no open rollout gives something else
  readonly candidate: IssuedTarget | null // what the open groups of the open rollout are to have
  readonly standing: ReadonlyMap<string, Report> // what each agent said last
  readonly refused: ReadonlyMap<string, { readonly code: string; readonly message: string }> // by run
}

export const noRollouts: Rollouts = {
  ...{ all: new Map(), serial: 0, champion: null, candidate: null },
  ...{ standing: new Map(), refused: new Map() },
}

/** Whether an event is about rollouts. */
export function isRolloutEvent(event: JournalEvent): event is RolloutEvent {
  return (
    event.type.startsWith('rollout-') ||
    event.type === 'champion-targeted' ||
    event.type === 'target-reported'
  )
}

/** The rollouts after an event about them. */
export function rolloutsAfter(before: Rollouts, event: RolloutEvent, entry: JournalEntry): Rollouts {
  switch (event.type) {
    case 'rollout-refused': {
      const { run, code, message } = event
      return { ...before, refused: new Map([...before.refused, [run, { code, message }]]) }
    }
    case 'champion-targeted':
      return { ...before, serial: event.target.serial, champion: event.target }
    case 'target-reported': {
      const { agentId, serial, release, releaseId, outcome, isServed, reason } = event
      const report = { serial, release, releaseId, outcome, isServed, reason }
      const standing = new Map([...before.standing, [agentId, report]])
      const all = new Map([...before.all].map(([id, rollout]) => [id, reportedTo(rollout, event)]))
      return { ...before, standing, all }
    }
    case 'rollout-created':
      return { ...before, all: new Map([...before.all, [event.rolloutId, createRollout(event, entry)]]) }
    default: {
      const rollout = before.all.get(event.rolloutId)
      if (rollout === undefined) return before
      const all = new Map(before.all).set(event.rolloutId, stepRollout(rollout, event, entry))
      return { ...before, all, ...targetsAfter(before, event) }
    }
  }
}

function targetsAfter(
  { candidate, champion, serial }: Rollouts,
  event: RolloutStep,
): Pick<Rollouts, 'candidate' | 'champion' | 'serial'> {
  const target = 'target' in event ? event.target : null
  const issued = target === null ? serial : target.serial
  switch (event.type) {
    case 'rollout-group-opened':
    case 'rollout-renewed':
    case 'rollout-retried':
      return { champion, candidate: target ?? candidate, serial: issued }
    case 'rollout-aborted':
    case 'rollout-done':
    case 'rollout-undone':
      return { champion: target ?? champion, candidate: null, serial: issued }
    default:
      return { champion, candidate, serial }
  }
}

/** The rollout that has yet to end. */
export function openRollout({ all }: Pick<Rollouts, 'all'>): Rollout | undefined {
  return [...all.values()].find(isOpen)
}

/** The rollout that is done and watched. */
export function watchedRollout({ all }: Pick<Rollouts, 'all'>): Rollout | undefined {
  return [...all.values()].findLast(({ watchUntilMs }) => watchUntilMs !== null)
}

/** The target that an agent is to follow now; null while there is none. */
export function targetFor(rollouts: Rollouts, agentId: string): IssuedTarget | null {
  const open = openRollout(rollouts)
  const isCandidate = open !== undefined && isExposed(open, agentId)
  return isCandidate ? rollouts.candidate : rollouts.champion
}
