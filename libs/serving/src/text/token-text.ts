/**
 * The text of tokens that come one at a time, in whole characters.
 * @module
 */

export interface TokenText {
  /** Takes a token; returns what its text adds: nothing while a character is incomplete. */
  add(id: number): string
  /** What is left of an incomplete character, when no more tokens come. */
  end(): string
}

/** What a decoder writes for the beginning of a character. */
const PARTIAL = '\uFFFD'

/** How many tokens before a text decide how its first token is written. */
const CONTEXT = 8

/**
 * Text after the tokens of a prompt: some tokens are written otherwise at the start of a text, such as a first word without its space.
 * Only the last few tokens are decoded for each new one, so that a long text costs no more a token than a short one.
 */
export function createTokenText(
  decode: (ids: readonly number[]) => string,
  prompt: readonly number[] = [],
): TokenText {
  let ids = prompt.slice(-CONTEXT)
  let shown = decode(ids)
  const added = (isLast: boolean): string => {
    const text = decode(ids)
    if (!isLast && text.endsWith(PARTIAL)) return ''
    const more = text.slice(shown.length)
    if (ids.length > 2 * CONTEXT) ids = ids.slice(-CONTEXT)
    shown = decode(ids)
    return more
  }
  return {
    add(id) {
      ids.push(id)
      return added(false)
    },
    end: () => added(true),
  }
}
