import type { Assignment } from '@lorica/protocol'
import { LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'

/** Does one assignment to its end. Never rejects; stops soon after `signal` aborts, whose reason is a LoricaError. */
export type Perform = (assignment: Assignment, signal: AbortSignal) => Promise<void>

/** The assignments of this agent, one at a time, in the order in which they came. */
export interface Agenda {
  /** Takes an assignment; one that is known is not done twice, one that replaces another stops the other. */
  take(assignment: Assignment): void
  /** Stops what belongs to a run that has ended; resolves when nothing of it is under way. */
  endRun(runId: string): Promise<void>
  isIdle(): boolean
  /** Stops everything and takes no more. */
  stop(): Promise<void>
}

interface Entry {
  readonly assignment: Assignment
  readonly controller: AbortController
  readonly done: Promise<void>
}

/** An agenda that does its assignments with `perform`. */
export function createAgenda(clock: Clock, perform: Perform): Agenda {
  let entries: readonly Entry[] = []
  let last: Promise<void> = Promise.resolve()
  let isStopped = false

  const drop = (entry: Entry, reason: LoricaError): Promise<void> => {
    entry.controller.abort(reason)
    return entry.done
  }
  const run = async (assignment: Assignment, controller: AbortController): Promise<void> => {
    const cancel = clock.after(assignment.deadlineMs, () =>
      controller.abort(abandoned('LRC-4002', 'its deadline passed')),
    )
    try {
      await last
      if (!controller.signal.aborted) await perform(assignment, controller.signal)
    } finally {
      cancel()
      entries = entries.filter((entry) => entry.controller !== controller)
    }
  }
  return {
    take(assignment) {
      if (isStopped || entries.some((entry) => entry.assignment.assignmentId === assignment.assignmentId))
        return
      for (const entry of entries) {
        if (replaces(assignment, entry.assignment))
          drop(entry, abandoned('LRC-4002', 'another assignment replaced it'))
      }
      const controller = new AbortController()
      last = run(assignment, controller)
      entries = [...entries, { assignment, controller, done: last }]
    },
    async endRun(runId) {
      const ended = entries.filter((entry) => entry.assignment.runId === runId)
      await Promise.all(ended.map((entry) => drop(entry, abandoned('LRC-3005', 'its run ended'))))
    },
    isIdle: () => entries.length === 0,
    async stop() {
      isStopped = true
      await Promise.all(
        entries.map((entry) => drop(entry, abandoned('LRC-6010', 'the agent was told to stop'))),
      )
    },
  }
}

/** A later round of a run replaces earlier ones, and an assignment replaces one of its kind for the same round. */
function replaces(next: Assignment, known: Assignment): boolean {
  if (next.runId !== known.runId) return false
  return next.round > known.round || (next.round === known.round && next.kind === known.kind)
}

function abandoned(code: 'LRC-3005' | 'LRC-4002' | 'LRC-6010', why: string): LoricaError {
  return new LoricaError(code, `assignment was given up: ${why}`)
}
