import { setTimeout as after } from 'node:timers/promises'
import { LoricaError } from '@lorica/protocol'

const WAITS_MS = [200, 400, 800, 1600, 3200, 6400] // a coordinator that was killed is back by then
const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])

/**
 * What `send` gives, sent again while the link breaks before the answer is here. Only for what may arrive twice. What the coordinator
 * refuses is thrown at once, and so is the first failure when nothing was sent at all.
 */
export async function insist<T>(
  send: () => Promise<T>,
  wait: (ms: number) => Promise<unknown> = after,
): Promise<T> {
  for (let sent = 0; ; sent++) {
    try {
      return await send()
    } catch (error) {
      const waitMs = WAITS_MS[sent]
      if (waitMs === undefined || !isLost(error) || (sent === 0 && UNSENT.has(systemCodeOf(error))))
        throw error
      await wait(waitMs)
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof LoricaError && error.code === 'LRC-8002' && error.cause !== undefined
}

/** The code of the system call that failed: fetch tells it in the cause of its cause. */
function systemCodeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string' && at.code.startsWith('E')) return at.code
  return ''
}
