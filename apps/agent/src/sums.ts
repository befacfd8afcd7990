/**
 * The secure sums that this agent takes part in now. A sum waits for other agents, who may be busy with other runs: it goes on beside
 * the agenda, so that no two agents wait for each other.
 * @module
 */
import { LoricaError, type TrainAssignment } from '@lorica/protocol'
import type { Clock } from './clock.js'
import { createSumMail, type SumLetters, type SumMail } from './sum-mail.js'

/** Takes part in the sum of one assignment, to its end. Never rejects; stops soon after `signal` aborts, whose reason is a LoricaError. */
export type TakePart = (assignment: TrainAssignment, mail: SumMail, signal: AbortSignal) => Promise<void>

export interface Sums {
  /** Begins with the sum of an assignment whose update is ready. A sum of an earlier assignment of its run ends; the same one goes on. */
  begin(assignment: TrainAssignment): void
  hear<N extends keyof SumLetters>(name: N, letter: SumLetters[N]): void
  /** Ends the sums of a run; resolves when nothing of them is under way. */
  endRun(runId: string): Promise<void>
  stop(): Promise<void>
}

interface Open {
  readonly assignment: TrainAssignment
  readonly mail: SumMail
  readonly controller: AbortController
  readonly done: Promise<void>
}

/** No sum is under way. */
export function createSums(clock: Pick<Clock, 'after'>, takePart: TakePart): Sums {
  const open = new Map<string, Open>() // by assignmentId
  let isStopped = false
  const end = (sums: readonly Open[], reason: LoricaError): Promise<unknown> => {
    for (const { controller } of sums) controller.abort(reason)
    return Promise.all(sums.map(({ done }) => done))
  }
  const ofRun = (runId: string): readonly Open[] =>
    [...open.values()].filter(({ assignment }) => assignment.runId === runId)
  return {
    begin(assignment) {
      const { assignmentId, runId, deadlineMs } = assignment
      if (isStopped) return
      const known = open.get(assignmentId)
      if (known !== undefined) return known.mail.ask()
      void end(ofRun(runId), ended('LRC-4002', 'another assignment replaced it'))
      const controller = new AbortController()
      const mail = createSumMail()
      const cancel = clock.after(deadlineMs, () => controller.abort(ended('LRC-4002', 'its deadline passed')))
      const done = takePart(assignment, mail, controller.signal).finally(() => {
        cancel()
        open.delete(assignmentId)
      })
      open.set(assignmentId, { assignment, mail, controller, done })
    },
    hear(name, letter) {
      open.get(letter.assignmentId)?.mail.put(name, letter)
    },
    async endRun(runId) {
      await end(ofRun(runId), ended('LRC-3005', 'its run ended'))
    },
    async stop() {
      isStopped = true
      await end([...open.values()], ended('LRC-6010', 'the agent was told to stop'))
    },
  }
}

function ended(code: 'LRC-3005' | 'LRC-4002' | 'LRC-6010', why: string): LoricaError {
  return new LoricaError(code, `secure sum was given up: ${why}`)
}
