import type { SumConfirmations, SumDelivery, SumRoster, SumSurvivors } from '@lorica/protocol'

/** What the coordinator tells an agent of a secure sum, by name. */
export interface SumLetters {
  readonly 'sum-roster': SumRoster
  readonly 'sum-delivery': SumDelivery
  readonly 'sum-survivors': SumSurvivors
  readonly 'sum-confirmations': SumConfirmations
}

/** What came of one sum. Each letter is taken in its turn; the first of a name counts, however often it comes. */
export interface SumMail {
  put<N extends keyof SumLetters>(name: N, letter: SumLetters[N]): void
  /** Resolves when the letter is there. Rejects when `signal` aborts. */
  take<N extends keyof SumLetters>(name: N, signal: AbortSignal): Promise<SumLetters[N]>
  /** The sum was asked for again: a coordinator that was restarted knows nothing of what it was sent. */
  ask(): void
  /** As `take`, and does `again` whenever the sum is asked for meanwhile. Rejects with what `again` rejects with. */
  takeOr<N extends keyof SumLetters>(
    name: N,
    again: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<SumLetters[N]>
}

/** No letter has come. */
export function createSumMail(): SumMail {
  let onAsked = (): void => {}
  const letters: { [N in keyof SumLetters]?: SumLetters[N] } = {}
  const waiting = new Map<keyof SumLetters, () => void>()
  const mail: SumMail = {
    put(name, letter) {
      letters[name] ??= letter
      waiting.get(name)?.()
    },
    take: (name, signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          waiting.delete(name)
          signal.removeEventListener('abort', abort)
        }
        const abort = (): void => {
          stop()
          reject(signal.reason)
        }
        const look = (): void => {
          const letter = letters[name]
          if (letter === undefined) return
          stop()
          resolve(letter)
        }
        if (signal.aborted) return reject(signal.reason)
        waiting.set(name, look)
        signal.addEventListener('abort', abort, { once: true })
        look()
      }),
    ask: () => onAsked(),
    takeOr: (name, again, signal) =>
      new Promise((resolve, reject) => {
        onAsked = () => void again().catch(reject)
        const over = (): void => {
          onAsked = () => {}
        }
        mail.take(name, signal).finally(over).then(resolve, reject)
      }),
  }
  return mail
}
