import type { Clock } from '../clock.js'
import type { Log } from '../log.js'

/** The receiving half of a connection. */
export interface Valve {
  /** Reads nothing more; the peer finds that its bytes are not taken, and waits. */
  close(): void
  open(): void
  /** Counts as a sign of life of a peer whose own signs are not read. */
  keepAlive(): void
}

/**
 * Bounds the memory of all uploads together: bytes that were received and are not on disk yet. Beyond the budget nothing more is
 * read from any agent that uploads, so that acknowledgements come later and nobody is dropped; reading goes on once half of it is
 * on disk. A message that has arrived in part is not counted: at most one chunk for each of these agents.
 */
export interface Backpressure {
  /** Bytes of uploads in memory. */
  heldBytes(): number
  /** The uploads of one connection. */
  intake(valve: Valve): Intake
}

export interface Intake {
  /** This agent is about to send an update. */
  begin(): void
  /** Counts `bytes`, and all that lies in memory with them, until `act` has settled. */
  during<T>(bytes: Uint8Array, act: () => Promise<T>): Promise<T>
  /** This agent sends nothing more, or is gone. */
  end(): void
}

const SIGN_MS = 4000 // a heartbeat that is not answered for 10 s ends a connection

/** Nothing is held yet. Says in the log when agents have to wait, and how much was held when they go on. */
export function createBackpressure(budgetBytes: number, clock: Clock, log: Log): Backpressure {
  const senders = new Set<Valve>()
  let heldBytes = 0
  let mostBytes = 0 // since reading stopped
  let cancelSigns: (() => void) | undefined // set while valves are closed

  function settle(): void {
    if (cancelSigns === undefined && heldBytes >= budgetBytes) {
      log('uploads-wait', { heldBytes, budgetBytes })
      for (const valve of senders) valve.close()
      cancelSigns = clock.every(SIGN_MS, () => {
        for (const valve of senders) valve.keepAlive()
      })
    }
    if (cancelSigns !== undefined && heldBytes <= budgetBytes / 2) {
      cancelSigns()
      cancelSigns = undefined
      log('uploads-go-on', { mostBytes })
      mostBytes = 0
      for (const valve of senders) valve.open()
    }
  }

  return {
    heldBytes: () => heldBytes,
    intake: (valve) => {
      const begin = (): void => {
        if (senders.has(valve)) return
        senders.add(valve)
        if (cancelSigns !== undefined) valve.close()
      }
      return {
        begin,
        async during(bytes, act) {
          const { byteLength } = bytes.buffer // a small view keeps all of it
          begin()
          heldBytes += byteLength
          mostBytes = Math.max(mostBytes, heldBytes)
          settle()
          try {
            return await act()
          } finally {
            heldBytes -= byteLength
            settle()
          }
        },
        end() {
          if (senders.delete(valve) && cancelSigns !== undefined) valve.open()
        },
      }
    },
  }
}
