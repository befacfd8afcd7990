/**
 * The text of tokens that come one at a time, fit to be shown: whole characters only, and nothing of a stop text.
 * @module
 */

export interface TextStream {
  /** Takes a token; returns what can be shown now and could not before. */
  add(id: number): string
  /** What was held back, when no more tokens come. */
  end(): string
  /** Whether a stop text came. Tokens after it are ignored. */
  readonly ended: boolean
  /** All of the text, up to the stop text. */
  readonly text: string
  /** How many tokens were taken. */
  readonly tokens: number
}

/** What a decoder writes for the beginning of a character. */
const PARTIAL = '\uFFFD'

/** A stream that ends before the first of the `stops`. */
export function textStream(decode: (ids: readonly number[]) => string, stops: readonly string[]): TextStream {
  const ids: number[] = []
  let text = ''
  let shown = 0
  let ended = false
  const upTo = (length: number): string => {
    const part = text.slice(shown, Math.max(length, shown))
    shown += part.length
    return part
  }
  return {
    add(id) {
      if (ended) return ''
      ids.push(id)
      text = decode(ids)
      const cut = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
      if (cut.length > 0) {
        ended = true
        text = text.slice(0, Math.min(...cut))
        return upTo(text.length)
      }
      return upTo(text.length - heldBack(text, stops))
    },
    end: () => upTo(text.length),
    get ended() {
      return ended
    },
    get text() {
      return text
    },
    get tokens() {
      return ids.length
    },
  }
}

/** How much of the end may still change: a partial character, or the beginning of a stop text. */
function heldBack(text: string, stops: readonly string[]): number {
  const partial = text.endsWith(PARTIAL) ? text.length - text.replace(/\uFFFD+$/, '').length : 0
  const begun = stops.map((stop) => {
    const longest = Math.min(stop.length - 1, text.length)
    const lengths = Array.from({ length: longest }, (_, at) => longest - at)
    return lengths.find((length) => text.endsWith(stop.slice(0, length))) ?? 0
  })
  return Math.max(partial, ...begun)
}
