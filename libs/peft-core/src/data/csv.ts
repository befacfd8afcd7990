/**
 * Comma-separated values with a header. Source: https://www.rfc-editor.org/rfc/rfc4180
 * @module
 */

export interface CsvLine {
  readonly number: number
  readonly text: string
}

export interface CsvRow {
  /** The line that the row begins on, counted from 1. */
  readonly line: number
  readonly cells: readonly string[]
}

/** A row that is being read: a quoted cell may hold commas, quotes (doubled) and line ends. */
interface Open {
  readonly line: number
  readonly cells: string[]
  cell: string
  isQuoted: boolean
}

/**
 * The rows of lines that came without their ends; empty lines are left out. RangeError names the line of a quoted cell
 * that does not end, or goes on after its closing quote.
 */
export async function* csvRows(lines: AsyncIterable<CsvLine>, separator = ','): AsyncGenerator<CsvRow> {
  let open: Open | undefined
  for await (const { number, text } of lines) {
    if (open === undefined && text === '') continue
    if (open === undefined) open = { line: number, cells: [], cell: '', isQuoted: false }
    else open.cell += '\n'
    readLine(open, { number, text }, separator)
    if (open.isQuoted) continue
    yield { line: open.line, cells: [...open.cells, open.cell] }
    open = undefined
  }
  if (open !== undefined)
    throw new RangeError(`line ${open.line}: expected a closing quote, got the end of the file`)
}

function readLine(open: Open, { number, text }: CsvLine, separator: string): void {
  let at = 0
  while (at < text.length) {
    if (open.isQuoted) at = readQuoted(open, text, at)
    else if (text[at] === '"' && open.cell === '') {
      open.isQuoted = true
      at++
    } else if (text[at] === separator) {
      open.cells.push(open.cell)
      open.cell = ''
      at++
    } else {
      const next = text.indexOf(separator, at)
      const end = next === -1 ? text.length : next
      if (at > 0 && text[at - 1] === '"' && open.cell !== '')
        throw new RangeError(
          `line ${number}: expected "${separator}" after a closing quote, got "${text[at]}"`,
        )
      open.cell += text.slice(at, end)
      at = end
    }
  }
}

/** Reads up to the end of the quotes or of the line, and returns where it is. */
function readQuoted(open: Open, text: string, from: number): number {
  const quote = text.indexOf('"', from)
  if (quote === -1) {
    open.cell += text.slice(from)
    return text.length
  }
  open.cell += text.slice(from, quote)
  if (text[quote + 1] === '"') {
    open.cell += '"'
    return quote + 2
  }
  open.isQuoted = false
  return quote + 1
}
