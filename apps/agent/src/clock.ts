/** Time, as an argument: everything that waits, or that stamps a record, is handed one. */
export interface Clock {
  /** Milliseconds since 1970. It jumps when somebody sets the clock of the machine. */
  now(): number
  /** Milliseconds since an arbitrary moment. It only grows: the measure of durations. */
  monotonicMs(): number
  /** Calls `act` once after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, act: () => void): () => void
  /** Calls `act` every `periodMs` until the returned function is called. */
  every(periodMs: number, act: () => void): () => void
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The clock of this machine. Delays of any length are kept. */
export function systemClock(): Clock {
  return {
    now: Date.now,
    monotonicMs: () => performance.now(),
    after(delayMs, act) {
      let timer: NodeJS.Timeout
      const arm = (leftMs: number): void => {
        const nextMs = Math.min(Math.max(0, leftMs), LONGEST_TIMER_MS)
        timer = setTimeout(() => (leftMs > nextMs ? arm(leftMs - nextMs) : act()), nextMs)
      }
      arm(delayMs)
      return () => clearTimeout(timer)
    },
    every(periodMs, act) {
      const timer = setInterval(act, periodMs)
      return () => clearInterval(timer)
    },
  }
}

/** Resolves after `delayMs`. Rejects with the reason of `signal` when that aborts. */
export function wait(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
