/**
 * Markdown made of texts that others wrote.
 * @module
 */
import { count } from '../screen/format.js'

/** A table of Markdown; the first row is its head, left empty where the first cell is no heading. */
export function rows(all: readonly (readonly [string, string])[]): string {
  const [head, ...rest] = all[0]?.[0] === '' ? all : ([['', ''], ...all] as const)
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head as readonly string[]), '|---|---|', ...rest.map(line)].join('\n')
}

/** Text of other machines within a cell: it ends neither the cell nor the line. */
function cell(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replaceAll('|', '\\|')
}

export function amount(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** A text as code: what it holds is shown, whatever it is. */
export function code(text: string): string {
  return `\`${text.replace(/[`\r\n]+/g, ' ')}\``
}
