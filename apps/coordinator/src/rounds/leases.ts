/**
 * How long the seat of an agent is kept for it. A lease follows what the agent does: it is renewed by steps and bytes, and
 * how long it lasts without any comes from the pace that was measured of the agent itself.
 * @module
 */
import type { Clock } from '../clock.js'

/** What an agent was last seen doing. Times are by the monotonic clock. */
export interface Pace {
  readonly movedAtMs: number // it took a step or moved bytes, was asked, or came back
  readonly longestGapMs: number | null // between two movements of its present assignment; null: it made none
  readonly expectedMs: number // that its present assignment was still going to take when it last moved
  readonly wholeMs: number // that such an assignment takes from its start
}

/** Whether an agent is connected, and if not, how that came: its side closed the connection, or it fell silent. */
export type Contact =
  | { readonly kind: 'connected' }
  | { readonly kind: 'closed' | 'silent'; readonly sinceMs: number }

const SILENT = 40 // leases: a partition of minutes, or a restart of the coordinator, costs no seat
const UNMEASURED = 3 // times that: until the first step, which may have to load and compile a model
const GAPS = 8 // times the longest time between two movements of an agent that is connected
const MARGIN = 1.5 // times what an agent that is away was still going to take

/**
 * How long the seat of an agent is kept without a sign of it. `leaseMs` is the unit of everything that nothing was measured
 * for. An agent whose connection was closed may have to start its assignment again; one that fell silent goes on with it.
 */
export function patienceMs(pace: Pace, contact: Contact, leaseMs: number): number {
  const silentMs = SILENT * leaseMs
  if (contact.kind === 'closed') return leaseMs + MARGIN * pace.wholeMs
  if (contact.kind === 'silent') return silentMs + MARGIN * pace.expectedMs
  return pace.longestGapMs === null ? UNMEASURED * silentMs : silentMs + GAPS * pace.longestGapMs
}

/** When the seat of an agent is given up, unless it moves before. */
export function lapsesAtMs(pace: Pace, contact: Contact, leaseMs: number): number {
  const fromMs = contact.kind === 'connected' ? pace.movedAtMs : contact.sinceMs
  return fromMs + patienceMs(pace, contact, leaseMs)
}

/** One report of how far an assignment is. */
export interface Movement {
  readonly assignmentId: string
  readonly phase: string
  readonly step: number
  readonly steps: number
}

/** The leases of all agents, whichever runs they work for: an agent does its assignments one after the other. */
export interface Leases {
  /** An agent was sent an assignment. */
  asked(agentId: string): void
  /** An agent reported how far it is. What repeats or goes back renews nothing. */
  moved(agentId: string, movement: Movement): void
  /** An agent moved bytes. */
  touched(agentId: string): void
  present(agentId: string): void
  /** The connection of an agent ended, or it was asked while it had none. */
  lost(agentId: string, how: 'closed' | 'silent'): void
  contact(agentId: string): Contact
  hasLapsed(agentId: string): boolean
  /** Why a seat was given up, in words; undefined where it was not. */
  absence(agentId: string): string | undefined
}

interface Known extends Pace {
  readonly contact: Contact
  readonly movement: (Movement & { readonly firstStep: number; readonly firstAtMs: number }) | null
}

/** Starts with nobody known: an agent that nothing is known of is taken for silent since it was first asked for. */
export function createLeases(clock: Pick<Clock, 'monotonicMs'>, leaseMs: number): Leases {
  const known = new Map<string, Known>()
  const of = (agentId: string): Known => known.get(agentId) ?? fresh(clock.monotonicMs())
  const change = (agentId: string, next: (agent: Known, nowMs: number) => Partial<Known>): void => {
    const agent = of(agentId)
    known.set(agentId, { ...agent, ...next(agent, clock.monotonicMs()) })
  }
  const leases: Leases = {
    asked: (agentId) => change(agentId, (_, movedAtMs) => ({ movedAtMs })),
    moved: (agentId, movement) => change(agentId, (agent, nowMs) => afterMovement(agent, movement, nowMs)),
    touched: (agentId) => change(agentId, (_, movedAtMs) => ({ movedAtMs })),
    present: (agentId) => change(agentId, (_, movedAtMs) => ({ movedAtMs, contact: { kind: 'connected' } })),
    lost: (agentId, kind) =>
      change(agentId, ({ contact }, sinceMs) =>
        contact.kind === 'connected' ? { contact: { kind, sinceMs } } : {},
      ),
    contact: (agentId) => of(agentId).contact,
    hasLapsed(agentId) {
      const agent = of(agentId)
      return clock.monotonicMs() >= lapsesAtMs(agent, agent.contact, leaseMs)
    },
    absence(agentId) {
      if (!leases.hasLapsed(agentId)) return undefined
      const { contact, movedAtMs } = of(agentId)
      const seconds = (fromMs: number) => Math.round((clock.monotonicMs() - fromMs) / 1000)
      return contact.kind === 'connected'
        ? `connected, but made no progress for ${seconds(movedAtMs)} s`
        : `away for ${seconds(contact.sinceMs)} s`
    },
  }
  return leases
}

function fresh(nowMs: number): Known {
  const contact = { kind: 'silent', sinceMs: nowMs } as const
  return { movedAtMs: nowMs, longestGapMs: null, expectedMs: 0, wholeMs: 0, contact, movement: null }
}

/** What a report changes: a phase that is new is timed from here; in a known one, a higher step is measured. */
function afterMovement(agent: Known, next: Movement, nowMs: number): Partial<Known> {
  const { movement, longestGapMs } = agent
  const isSame = movement?.assignmentId === next.assignmentId
  if (movement === null || !isSame || movement.phase !== next.phase) {
    return {
      movedAtMs: nowMs,
      longestGapMs: isSame ? longestGapMs : null,
      expectedMs: isSame ? agent.expectedMs : agent.wholeMs,
      movement: { ...next, firstStep: next.step, firstAtMs: nowMs },
    }
  }
  if (next.step <= movement.step) return {}
  const msPerStep = (nowMs - movement.firstAtMs) / (next.step - movement.firstStep)
  const isTraining = next.phase === 'train'
  const leftMs = msPerStep * Math.max(0, next.steps - next.step)
  return {
    movedAtMs: nowMs,
    longestGapMs: Math.max(longestGapMs ?? 0, nowMs - agent.movedAtMs),
    expectedMs: next.phase === 'download' ? leftMs + agent.wholeMs : leftMs,
    wholeMs: isTraining ? msPerStep * next.steps : agent.wholeMs,
    movement: { ...movement, step: next.step, steps: next.steps },
  }
}
