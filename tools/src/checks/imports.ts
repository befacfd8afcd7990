import { codeOf, lineAt } from './code.js'

/** One module that a source file names. */
export interface Import {
  readonly specifier: string
  readonly line: number
}

const STATIC = /\b(?:from|import)\s*(['"])/g
const CALL = /\b(?:import|require)\s*\(\s*(['"`]?)/g

/**
 * Every module that a file imports: `import`, `export … from`, `import()`, `require()` and `typeof import()`, types included.
 * A module whose name is computed has the specifier "". `import.meta.resolve` is not an import: it names a file to start.
 */
export function importsOf(text: string): readonly Import[] {
  const code = codeOf(text)
  return [...code.matchAll(STATIC), ...code.matchAll(CALL)]
    .map((match) => {
      const quote = match[1] ?? ''
      const start = match.index + match[0].length
      const specifier = quote === '' ? '' : text.slice(start, text.indexOf(quote, start))
      return { specifier, line: lineAt(text, match.index) }
    })
    .sort((a, b) => a.line - b.line)
}
