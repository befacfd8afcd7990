import type { Progress } from '@lorica/protocol'

export interface ProgressReporter {
  report(progress: Progress): void
}

const INTERVAL_MS = 250

/**
 * Lets at most about four reports a second through, and always the first and the last step of training.
 * A phase that is over within the interval is not reported, so that a short transfer costs nothing.
 */
export function throttleProgress(send: (progress: Progress) => void, nowMs: () => number): ProgressReporter {
  let phase = ''
  let sentMs = 0
  return {
    report(progress) {
      const key = `${progress.assignmentId} ${progress.phase}`
      const isTraining = progress.phase === 'train'
      const isNew = key !== phase
      phase = key
      if (isNew && !isTraining) sentMs = nowMs()
      const isEdge = isTraining && (isNew || progress.step >= progress.steps)
      if (!isEdge && nowMs() - sentMs < INTERVAL_MS) return
      sentMs = nowMs()
      send(progress)
    },
  }
}
