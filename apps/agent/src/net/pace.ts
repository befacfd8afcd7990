/**
 * How much to have in flight on a link: enough to keep it busy, little enough that a heartbeat behind it is not late.
 * @module
 */
export interface Pace {
  /** Bytes that may be sent or asked for before the first answer. */
  windowBytes(): number
  /** Bytes of one chunk. */
  chunkBytes(): number
  /** Tells how long a chunk took from sending to answer, and how much was in flight with it. */
  observe(inFlightBytes: number, elapsedMs: number): void
}

const TARGET_MS = 2000 // of queued bytes; the link is taken for dead after 10 s without an answer to a heartbeat
const FIRST_WINDOW_BYTES = 512 * 1024
const SMALLEST_CHUNK_BYTES = 16 * 1024

/** Starts modestly and follows the measured rate, within the limits that the coordinator announced. */
export function createPace(limits: { readonly chunkBytes: number; readonly windowChunks: number }): Pace {
  const most = limits.chunkBytes * limits.windowChunks
  let windowBytes = Math.min(FIRST_WINDOW_BYTES, most)
  return {
    windowBytes: () => windowBytes,
    chunkBytes: () => clamp(Math.floor(windowBytes / 2), SMALLEST_CHUNK_BYTES, limits.chunkBytes),
    observe(inFlightBytes, elapsedMs) {
      const bytesPerMs = inFlightBytes / Math.max(elapsedMs, 0.1)
      const wanted = clamp(bytesPerMs * TARGET_MS, SMALLEST_CHUNK_BYTES, most)
      windowBytes = wanted < windowBytes ? wanted : Math.min(wanted, 2 * windowBytes)
    },
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(Math.min(least, most), Math.min(most, value))
}
