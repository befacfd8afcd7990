/**
 * A text that ends before the stop text that is complete first, shown as far as no stop text can still begin in it.
 * @module
 */

export interface StopText {
  /** Takes more of the text; returns what can be shown now. */
  add(text: string): string
  /** What was held back, when no more text comes. */
  end(): string
  /** Whether a stop text came. What comes after it is ignored. */
  readonly isStopped: boolean
}

export function createStopText(stops: readonly string[]): StopText {
  let held = ''
  let isStopped = false
  return {
    add(text) {
      if (isStopped) return ''
      held += text
      const cuts = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      if (cuts.length > 0) isStopped = true
      const shown = held.slice(0, isStopped ? Math.min(...cuts) : held.length - begun(held, stops))
      held = isStopped ? '' : held.slice(shown.length)
      return shown
    },
    end() {
      const rest = held
      held = ''
      return rest
    },
    get isStopped() {
      return isStopped
    },
  }
}

/** How much of the end may be the beginning of a stop text. */
function begun(text: string, stops: readonly string[]): number {
  const lengths = stops.map((stop) => {
    for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
      if (text.endsWith(stop.slice(0, length))) return length
    }
    return 0
  })
  return Math.max(0, ...lengths)
}
