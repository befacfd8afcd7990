/**
 * The secure sums that this agent takes part in now. A sum waits for other agents, who may be busy with other runs: it goes on beside
 * the agenda, so that no two agents wait for each other.
 * @module
 */
import type { MeasuredLoss } from '@lorica/privacy'
import { type EvaluateAssignment, LoricaError, type TrainAssignment } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { createSumMail, type SumLetters, type SumMail } from './sum-mail.js'

/** What goes into a sum: an update that is ready, or what was measured. */
export type Summand =
  | { readonly assignment: TrainAssignment }
  | {
      readonly assignment: EvaluateAssignment
      readonly measured: MeasuredLoss & { readonly evaluateMs: number }
    }

/** Takes part in the sum of one assignment, to its end. Never rejects; stops soon after `signal` aborts, whose reason is a LoricaError. */
export type TakePart = (summand: Summand, mail: SumMail, signal: AbortSignal) => Promise<void>

export interface Sums {
  /**
   * Begins with the sum of an assignment. Sums of earlier assignments of its run end, but for those of updates when something was
   * measured: their last word may be on its way. The same one goes on.
   */
  begin(summand: Summand): void
  /** Goes on with the sum of an assignment that is asked for again. False when none is under way. */
  ask(assignmentId: string): boolean
  hear<N extends keyof SumLetters>(name: N, letter: SumLetters[N]): void
  /** Ends the sums of a run; resolves when nothing of them is under way. */
  endRun(runId: string): Promise<void>
  stop(): Promise<void>
}

interface Open {
  readonly assignment: Summand['assignment']
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
  const sums: Sums = {
    begin(summand) {
      const { assignment } = summand
      const { assignmentId, runId, deadlineMs, kind } = assignment
      if (isStopped || sums.ask(assignmentId)) return
      const over = ofRun(runId).filter((one) => kind === 'train' || one.assignment.kind === kind)
      void end(over, ended('LRC-4002', 'another assignment replaced it'))
      const controller = new AbortController()
      const mail = createSumMail()
      const cancel = clock.after(deadlineMs, () => controller.abort(ended('LRC-4002', 'its deadline passed')))
      const done = takePart(summand, mail, controller.signal).finally(() => {
        cancel()
        open.delete(assignmentId)
      })
      open.set(assignmentId, { assignment, mail, controller, done })
    },
    ask(assignmentId) {
      open.get(assignmentId)?.mail.ask()
      return open.has(assignmentId)
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
  return sums
}

function ended(code: 'LRC-3005' | 'LRC-4002' | 'LRC-6010', why: string): LoricaError {
  return new LoricaError(code, `secure sum was given up: ${why}`)
}
