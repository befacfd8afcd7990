/**
 * Data files as examples, one at a time.
 * @module
 */
import { streamDocuments } from '../train/documents.js'
import type { Tokenizer } from '../train/tokens.js'
import { readChat } from './chat.js'
import { createChatTemplate } from './chat-template.js'
import { readClassified } from './classification.js'
import { readCompletions } from './completion.js'
import type { Example } from './example.js'
import { type Fields, textOf } from './fields.js'
import type { DataFormat } from './format.js'
import type { Frame } from './frame.js'
import type { MetLabels } from './labels.js'
import { isTable, readRecords } from './records.js'
import { readLabelledWords } from './token-labels.js'

export interface ExampleReader {
  readonly format: DataFormat
  readonly tokenizer: Tokenizer
  readonly frame: Frame
  readonly columns: number
  readonly labels: MetLabels
  /** Whether a record may be one example only. */
  readonly isByExample?: boolean | undefined
  /** The rows of the model's embedding; absent, not known. */
  readonly vocabularySize?: number | undefined
}

export interface ReadExample {
  readonly example: Example
  /** How much of the data it is: characters of text, else tokens. */
  readonly size: number
}

/** The examples of a file. RangeError names the file, and the line where it can: what was expected, and what came. */
export async function* readExamples(file: string, reader: ExampleReader): AsyncGenerator<ReadExample> {
  if (reader.format === 'text') {
    for await (const document of documentsOf(file)) {
      const example = named(file, () => checked(documentExample(document, reader), reader))
      yield { example, size: document.length }
    }
    return
  }
  const read = recordReader(reader)
  for await (const { line, fields } of readRecords(file)) {
    const examples = named(`${file}:${line}`, () => read(fields).map((one) => checked(one, reader)))
    if (reader.isByExample === true && examples.length > 1)
      throw new RangeError(
        `${file}:${line}: expected a record of one example, which privacy by example protects, got ${examples.length}; give each a record of its own`,
      )
    for (const example of examples) yield { example, size: example.ids.length }
  }
}

function recordReader(reader: ExampleReader): (fields: Fields) => readonly Example[] {
  const { format, tokenizer, columns } = reader
  if (format === 'completion') return (fields) => readCompletions(fields, tokenizer, columns)
  if (format === 'classification') return (fields) => [readClassified(fields, reader)]
  if (format === 'tokens') return (fields) => [readLabelledWords(fields, reader)]
  if (tokenizer.chatTemplate === undefined)
    throw new RangeError(
      'chat expected a tokenizer with a chat template, got none; give the data as prompt and completion, or a model that was trained to chat',
    )
  const template = createChatTemplate(tokenizer.chatTemplate, tokenizer.specialTokens)
  return (fields) => [readChat(fields, { tokenizer, template, columns })]
}

/** Documents of a text file, or of the field "text" of records. */
async function* documentsOf(file: string): AsyncGenerator<string> {
  if (!isTable(file)) yield* streamDocuments(file)
  else
    for await (const { line, fields } of readRecords(file))
      yield named(`${file}:${line}`, () => textOf(fields, 'text'))
}

function documentExample(document: string, { tokenizer }: ExampleReader): Example {
  const ids = [...tokenizer.encode(document), ...tokenizer.separator]
  return { ids, labels: [], isCut: false }
}

function checked(example: Example, { vocabularySize = Number.POSITIVE_INFINITY }: ExampleReader): Example {
  const greatest = example.ids.reduce((most, id) => Math.max(most, id), 0)
  if (greatest < vocabularySize) return example
  throw new RangeError(
    `expected tokens below ${vocabularySize}, the size of the model's vocabulary, got ${greatest}; the tokenizer belongs to another model`,
  )
}

function named<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new RangeError(`${place}: ${(cause as Error).message}`, { cause })
  }
}
