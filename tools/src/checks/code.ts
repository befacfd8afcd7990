/**
 * Source text with its comments and the contents of its strings blanked, so that a word found in it is code.
 * Every character keeps its position: a string's contents can be read from the original text.
 * @module
 */

const WORD_BEFORE_PATTERN = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|await|yield)\s*$/
const END_BEFORE_DIVISION = /[\w$)\]}]\s*$/

/** Blanks comments, string contents, template text and regular expressions with spaces; keeps quotes and line ends. */
export function codeOf(text: string): string {
  const code =
    [...text].length === text.length
      ? text.split('')
      : Array.from({ length: text.length }, (_, i) => text[i] ?? '')
  const templates: number[] = [] // depth of braces at which each open `${` closes
  let braces = 0
  let at = 0
  while (at < text.length) {
    const two = text.slice(at, at + 2)
    const one = text[at] as string
    if (two === '//' || two === '/*') at = blank(at, endOf(two === '//' ? '\n' : '*/', at + 2))
    else if (one === "'" || one === '"') at = blank(at + 1, endOfString(at + 1, one)) + 1
    else if (one === '`') at = endOfTemplate(at + 1)
    else if (one === '/' && startsPattern(at)) at = blank(at + 1, endOfPattern(at + 1)) + 1
    else if (one === '}' && templates.at(-1) === braces) {
      templates.pop()
      at = endOfTemplate(at + 1)
    } else {
      if (one === '{') braces++
      if (one === '}') braces--
      at++
    }
  }
  return code.join('')

  function blank(from: number, to: number): number {
    for (let i = from; i < to; i++) if (text[i] !== '\n') code[i] = ' '
    return to
  }

  function endOf(mark: string, from: number): number {
    const found = text.indexOf(mark, from)
    if (found < 0) return text.length
    return mark === '\n' ? found : found + mark.length
  }

  function endOfString(from: number, quote: string): number {
    let i = from
    while (i < text.length && text[i] !== quote && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1
    return Math.min(i, text.length)
  }

  function endOfTemplate(from: number): number {
    let i = from
    while (i < text.length && text[i] !== '`' && text.slice(i, i + 2) !== '${') i += text[i] === '\\' ? 2 : 1
    blank(from, Math.min(i, text.length))
    if (text[i] !== '$') return i + 1
    templates.push(braces)
    return i + 2
  }

  function endOfPattern(from: number): number {
    let i = from
    let inClass = false
    while (i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/')) {
      if (text[i] === '[') inClass = true
      if (text[i] === ']') inClass = false
      i += text[i] === '\\' ? 2 : 1
    }
    return Math.min(i, text.length)
  }

  function startsPattern(slash: number): boolean {
    const before = code.slice(Math.max(0, slash - 40), slash).join('')
    return WORD_BEFORE_PATTERN.test(before) || !END_BEFORE_DIVISION.test(before.trimEnd())
  }
}

/** The line, counted from 1, that a position stands on. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}
