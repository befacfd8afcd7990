/**
 * Which form the records of a file have.
 * @module
 */
import type { Task } from '../source/task.js'
import { completionNames } from './completion.js'
import { type Fields, nameOf, shown } from './fields.js'
import { hasRecords, recordExtensions } from './records.js'

/** How a file is read: `text` are documents, `tokens` words with labels. */
export type DataFormat = (typeof dataFormats)[number]

export const dataFormats = ['text', 'chat', 'completion', 'classification', 'tokens'] as const

const formatsOf: Readonly<Record<string, readonly DataFormat[]>> = {
  causal: ['text', 'chat', 'completion'],
  masked: ['text'],
  sequence: ['classification'],
  token: ['tokens'],
}

/**
 * The format of a file for a model of a task: the one that is wanted, or else what the task and the first record's fields
 * say. RangeError when a model of the task cannot learn from it.
 */
export function formatFor(
  task: Task,
  file: string,
  { first, wanted }: { readonly first: Fields | undefined; readonly wanted: DataFormat | undefined },
): DataFormat {
  const possible = formatsOf[task] ?? []
  const format = wanted ?? (possible.length === 1 ? (possible[0] as DataFormat) : causalFormat(file, first))
  if (!possible.includes(format))
    throw new RangeError(
      `a model for the task "${task}" expected data as ${possible.join(' or ')}, got ${format}`,
    )
  if (format !== 'text' && !hasRecords(file))
    throw new RangeError(`${file}: ${format} expected a file named ${recordExtensions.join(', ')}, got text`)
  return format
}

function causalFormat(file: string, first: Fields | undefined): DataFormat {
  if (first === undefined || !hasRecords(file)) return 'text'
  if (first.messages !== undefined) return 'chat'
  if (nameOf(first, completionNames) !== undefined) return 'completion'
  if (first.text !== undefined) return 'text'
  throw new RangeError(
    `${file}: expected records with "messages", "prompt" and "completion", "instruction" and "output", "question" and "answer", or "text", got ${shown(Object.keys(first))}`,
  )
}
