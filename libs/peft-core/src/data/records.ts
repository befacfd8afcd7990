/**
 * Data files as records, one at a time: a file of any size takes the memory of its longest record.
 * @module
 */
import { extname } from 'node:path'
import { lines, streamDocuments } from '../train/documents.js'
import { type CsvRow, csvRows } from './csv.js'
import { type Fields, shown } from './fields.js'

export interface Record {
  readonly line: number
  readonly fields: Fields
}

/** The kinds of file that have records with named fields. */
export const recordExtensions = ['.jsonl', '.ndjson', '.csv', '.tsv'] as const

export function hasRecords(file: string): boolean {
  return (recordExtensions as readonly string[]).includes(extname(file).toLowerCase())
}

/** Whether a file is a table with a header rather than lines of JSON. */
export function isTable(file: string): boolean {
  return ['.csv', '.tsv'].includes(extname(file).toLowerCase())
}

/**
 * The records of a file: a JSON object a line, or the rows of a table (.csv, .tsv) with a header. RangeError names the
 * file and the line, what was expected and what came.
 */
export async function* readRecords(file: string): AsyncGenerator<Record> {
  if (isTable(file)) yield* tableRecords(file, file.toLowerCase().endsWith('.csv') ? ',' : '\t')
  else yield* jsonRecords(file)
}

async function* jsonRecords(file: string): AsyncGenerator<Record> {
  for await (const { number, text } of lines(file)) {
    if (text.trim() !== '') yield { line: number, fields: jsonObject(file, number, text) }
  }
}

function jsonObject(file: string, line: number, text: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  const got = value === undefined ? shown(text) : shown(value)
  throw new RangeError(`${file}:${line}: expected a JSON object a line, got ${got}`)
}

async function* tableRecords(file: string, separator: string): AsyncGenerator<Record> {
  let header: readonly string[] | undefined
  for await (const { line, cells } of located(file, csvRows(lines(file), separator))) {
    if (header === undefined) header = expectHeader(file, cells)
    else if (cells.length === header.length)
      yield { line, fields: Object.fromEntries(header.map((name, column) => [name, cells[column]])) }
    else
      throw new RangeError(
        `${file}:${line}: expected ${header.length} columns as the header has, got ${cells.length}`,
      )
  }
}

async function* located(file: string, rows: AsyncIterable<CsvRow>): AsyncGenerator<CsvRow> {
  try {
    yield* rows
  } catch (cause) {
    const { message } = cause as Error
    throw new RangeError(message.startsWith('line ') ? `${file}:${message.slice(5)}` : message, { cause })
  }
}

function expectHeader(file: string, cells: readonly string[]): readonly string[] {
  const names = cells.map((cell) => cell.trim())
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (names.length >= 2 && twice === undefined && !names.includes('')) return names
  throw new RangeError(
    `${file}:1: expected a header of two or more different column names, got ${shown(names.join(', '))}`,
  )
}

/** How many documents or records a file has; none is kept. RangeError as `readRecords` and `streamDocuments`. */
export async function countDocuments(file: string): Promise<number> {
  let count = 0
  for await (const _ of hasRecords(file) ? readRecords(file) : streamDocuments(file)) count++
  return count
}
