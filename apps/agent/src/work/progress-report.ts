import type { Progress } from '@lorica/protocol'
import { type ProgressReporter, throttleProgress } from './progress.js'

/** What an agent tells of the assignment that it works on, to its owner and to the coordinator. */
export interface ProgressReport {
  /** The assignment that transfers and waits belong to; empty: none. */
  current: string
  onProgress(progress: Progress): void
  /** Its owner needs the machine, or not any more. */
  onWaiting(waiting: string | null): void
  onBytes(phase: Progress['phase'], doneBytes: number, bytes: number): void
}

/** A report that goes to `send`, a few times a second at most. */
export function createProgressReport(
  send: (progress: Progress) => void,
  monotonicMs: () => number,
): ProgressReport {
  const { report }: ProgressReporter = throttleProgress(send, monotonicMs)
  let latest: Progress | undefined
  const own: ProgressReport = {
    current: '',
    onProgress(progress) {
      latest = progress
      report(progress)
    },
    onWaiting(waiting) {
      if (waiting === null || own.current === '') return
      const { phase, step, steps } =
        latest?.assignmentId === own.current ? latest : { phase: 'train' as const, step: 0, steps: 1 }
      report({ assignmentId: own.current, phase, step, steps, loss: null, tokensPerSecond: null, waiting })
    },
    onBytes(phase, step, steps) {
      if (own.current !== '')
        report({ assignmentId: own.current, phase, step, steps, loss: null, tokensPerSecond: null })
    },
  }
  return own
}
