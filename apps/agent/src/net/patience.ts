import { type Clock, wait } from '../clock.js'
import { isLinkLost, type Link } from './link.js'

const PAUSE_MS = 200

/** Does `attempt` with a link, and again with the next one whenever the link is lost. Rejects when `signal` aborts. */
export async function whileLinked<T>(
  { link, clock }: { readonly link: Link; readonly clock: Clock },
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    await link.ready(signal)
    try {
      return await orAborted(attempt(), signal)
    } catch (error) {
      if (signal.aborted || !isLinkLost(error)) throw error
      await wait(clock, PAUSE_MS, signal)
    }
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
