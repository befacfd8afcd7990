/** Wakes whoever waits for a condition to change. */
export interface Bell {
  ring(): void
  /** Resolves once `isTrue` holds; it is asked now and after each ring. Rejects with the reason of `signal` when that aborts. */
  until(isTrue: () => boolean, signal: AbortSignal): Promise<void>
}

export function createBell(): Bell {
  const waiting = new Set<() => void>()
  return {
    ring() {
      for (const wake of [...waiting]) wake()
    },
    until(isTrue, signal) {
      return new Promise((resolve, reject) => {
        const stop = () => {
          waiting.delete(wake)
          signal.removeEventListener('abort', wake)
        }
        const wake = () => {
          if (signal.aborted) {
            stop()
            reject(signal.reason)
          } else if (isTrue()) {
            stop()
            resolve()
          }
        }
        waiting.add(wake)
        signal.addEventListener('abort', wake)
        wake()
      })
    },
  }
}
