import { type ErrorCode, LoricaError } from '@lorica/protocol'
import { type Clock, wait } from '../clock.js'
import { isLinkLost, type Link } from './link.js'

const PAUSE_MS = 200
const FAULT_PAUSE_MS = 3000

/** What a coordinator has to put right on its own side: its disk is full, its store does not answer. */
const PASSING: readonly ErrorCode[] = ['LRC-5005', 'LRC-5009']

/**
 * Does `attempt` with a link, again with the next one whenever the link is lost, and again later while the coordinator has a
 * fault of its own. Rejects when `signal` aborts.
 */
export async function whileLinked<T>(
  { link, clock }: { readonly link: Pick<Link, 'ready'>; readonly clock: Pick<Clock, 'after'> },
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    await link.ready(signal)
    try {
      return await orAborted(attempt(), signal)
    } catch (error) {
      if (signal.aborted) throw error
      if (isLinkLost(error)) await wait(clock, PAUSE_MS, signal)
      else if (error instanceof LoricaError && PASSING.includes(error.code))
        await wait(clock, FAULT_PAUSE_MS, signal)
      else throw error
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
