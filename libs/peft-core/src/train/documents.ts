/**
 * Text files as documents: paragraphs of a .txt file, or the lines of a .jsonl file.
 * @module
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'

/**
 * All documents of a file. `.jsonl` and `.ndjson`: one JSON object a line, with the document under "text". Any other name:
 * UTF-8 text whose paragraphs are separated by blank lines. RangeError names the file and the line: text that is not
 * UTF-8, a zero byte, a line without "text", or a file with no document at all.
 */
export async function readDocuments(file: string): Promise<readonly string[]> {
  const documents: string[] = []
  for await (const document of streamDocuments(file)) documents.push(document)
  return documents
}

/** As `readDocuments`, one document at a time: a file of any size takes the memory of its longest document. */
export async function* streamDocuments(file: string): AsyncGenerator<string> {
  const isJson = ['.jsonl', '.ndjson'].includes(extname(file).toLowerCase())
  let found = false
  for await (const document of isJson ? jsonDocuments(file) : paragraphs(file)) {
    found = true
    yield document
  }
  if (!found) throw new RangeError(`${file}: expected text, the file has none`)
}

export interface Line {
  readonly number: number
  readonly text: string
}

async function* paragraphs(file: string): AsyncGenerator<string> {
  let open: string[] = []
  for await (const { text } of lines(file)) {
    const isBlank = text.trim() === ''
    if (!isBlank) open.push(text)
    else if (open.length > 0) {
      yield open.join('\n')
      open = []
    }
  }
  if (open.length > 0) yield open.join('\n')
}

async function* jsonDocuments(file: string): AsyncGenerator<string> {
  for await (const { number, text } of lines(file)) {
    if (text.trim() === '') continue
    const document = textField(text)
    if (document === undefined) {
      throw new RangeError(`${file}:${number}: expected a JSON object with a "text", got ${shortened(text)}`)
    }
    if (document.trim() !== '') yield document.replaceAll('\r\n', '\n')
  }
}

function textField(json: string): string | undefined {
  try {
    const text = (JSON.parse(json) as { text?: unknown } | null)?.text
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}

/** The lines of a UTF-8 file, without their ends and without a byte order mark. */
export async function* lines(file: string): AsyncGenerator<Line> {
  if ((await stat(file)).isDirectory()) throw new RangeError(`${file}: expected a file, got a folder`)
  let number = 0
  let rest: Uint8Array = new Uint8Array()
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield decoded(file, ++number, joined(rest, chunk.subarray(start, end)))
      rest = new Uint8Array()
      start = end + 1
    }
    rest = joined(rest, chunk.subarray(start))
  }
  if (rest.length > 0) yield decoded(file, ++number, rest)
}

function decoded(file: string, number: number, bytes: Uint8Array): Line {
  if (bytes.includes(0)) {
    throw new RangeError(
      `${file}:${number}: expected text, got a zero byte; is this a binary file or UTF-16?`,
    )
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: number !== 1 })
    return { number, text: decoder.decode(bytes).replace(/\r$/, '') }
  } catch (cause) {
    throw new RangeError(`${file}:${number}: expected UTF-8 text, got other bytes; save the file as UTF-8`, {
      cause,
    })
  }
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.length === 0 ? Uint8Array.from(right) : Buffer.concat([left, right])
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
