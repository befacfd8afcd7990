/**
 * How long to wait before each attempt to connect again: decorrelated jitter, so that agents that lost a coordinator at the same moment
 * do not come back at the same moment, however often they have to try.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @module
 */
import type { Random } from '../random.js'

export interface Pauses {
  /** The next pause, at random from the least one up to three times the one before. */
  nextMs(): number
  /** An attempt has succeeded: the next pause follows no other. */
  reset(): void
  /** The middle of a first pause from now on. */
  paceTo(middleMs: number): void
}

const FIRST_MIDDLE_MS = 250
const MOST_MS = 10_000 // or twice the middle of a first pause, when that is more

/** No attempt has failed yet. */
export function createPauses(random: Pick<Random, 'fraction'>): Pauses {
  let middleMs = FIRST_MIDDLE_MS
  let previousMs: number | undefined
  const leastMs = () => middleMs / 2
  return {
    nextMs() {
      const least = leastMs()
      const upMs = Math.max(least, 3 * (previousMs ?? least))
      previousMs = Math.min(Math.max(MOST_MS, 2 * middleMs), least + random.fraction() * (upMs - least))
      return previousMs
    },
    reset() {
      previousMs = undefined
    },
    paceTo(ms) {
      middleMs = ms
    },
  }
}
