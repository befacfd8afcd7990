const PER_SECOND = 200 // connections that a coordinator takes without being late for anything else
const LEAST_MS = 1000
const MOST_MS = 60_000

/** How long agents wait, at random up to about this, before they connect again, so that a whole fleet does not come at once. */
export function reconnectMs(connected: number): number {
  return Math.min(MOST_MS, Math.max(LEAST_MS, Math.ceil((connected * 1000) / PER_SECOND)))
}
