/**
 * Regular expressions of a PEFT configuration, which are Python's, as JavaScript's.
 * Spec: https://docs.python.org/3/library/re.html#regular-expression-syntax
 * @module
 */

const maxPatternLength = 1000 // module names are short; a longer pattern is a mistake

/** A pattern that must match the whole text, as Python's re.fullmatch. RangeError names a pattern that does not compile. */
export function wholePattern(python: string): RegExp {
  return compiled(python, (body) => `^(?:${body})$`)
}

/** A pattern of PEFT's rank_pattern and alpha_pattern: it matches the end of a path, from the start of a segment on. */
export function suffixPattern(python: string): RegExp {
  return compiled(python, (body) => `^(.*\\.)?(${body})$`)
}

/** A pattern that must match from the start of the text, as Python's re.match. */
export function startPattern(python: string): RegExp {
  return compiled(python, (body) => `^(?:${body})`)
}

function compiled(python: string, wrap: (body: string) => string): RegExp {
  if (python.length > maxPatternLength) {
    throw new RangeError(`pattern expected at most ${maxPatternLength} characters, got ${python.length}`)
  }
  const [, letters = '', rest = ''] = /^(?:\(\?([a-z]+)\))?(.*)$/s.exec(python) ?? []
  if (/[^is]/.test(letters))
    throw new RangeError(`pattern "${python}" has flags "${letters}"; only i and s are supported`)
  const body = rest
    .replace(/(?<!\\)((?:\\\\)*)\(\?P</g, '$1(?<')
    .replace(/(?<!\\)((?:\\\\)*)\(\?P=(\w+)\)/g, '$1\\k<$2>')
    .replace(/(?<!\\)((?:\\\\)*)\\A/g, '$1^')
    .replace(/(?<!\\)((?:\\\\)*)\\Z/g, '$1$$')
  try {
    return new RegExp(wrap(body), letters)
  } catch (cause) {
    throw new RangeError(`pattern "${python}" is no regular expression: ${(cause as Error).message}`, {
      cause,
    })
  }
}
