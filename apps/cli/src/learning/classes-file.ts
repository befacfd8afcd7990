/**
 * What an adapter folder says of its classes, in a file of ours beside those of PEFT: classes.json.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NewHead } from '@lorica/peft-core'
import type { ModelCorpus } from './corpus.js'

export interface Classes {
  /** Their names, by number. */
  readonly labels: readonly string[]
  /** What the adapter's own head is for, when it took the place of the model's. */
  readonly newHead?: NewHead['task']
}

const NAME = 'classes.json'
const tasks: readonly unknown[] = ['sequence', 'token', 'image']

/** What stands beside an adapter's files, where the model does not say what its classes are: the same names get the same numbers later. */
export function classesFile(classes: Classes | undefined): Readonly<Record<string, string>> {
  return classes === undefined ? {} : { [NAME]: `${JSON.stringify(classes, null, 2)}\n` }
}

/** The classes of an adapter, or undefined when its folder says nothing of them. RangeError for a file that is not as it was written. */
export async function readClasses(folder: string): Promise<Classes | undefined> {
  const file = join(folder, NAME)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { labels, newHead } = objectIn(text)
  const isNamed = Array.isArray(labels) && labels.every((label) => typeof label === 'string')
  if (isNamed && (newHead === undefined || tasks.includes(newHead)))
    return { labels, ...(newHead === undefined ? {} : { newHead: newHead as NewHead['task'] }) }
  throw new RangeError(`${file}: expected "labels", a list of names, got ${text.slice(0, 60)}`)
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

/** What is to be remembered of the classes: nothing where the model names them, or where they are numbers. */
export function classesOf(
  { labels, isNamed }: Pick<ModelCorpus, 'labels' | 'isNamed'>,
  newHead: Classes['newHead'],
): Classes | undefined {
  if (labels === undefined || isNamed) return undefined
  if (newHead !== undefined) return { labels, newHead }
  return labels.every((label, at) => label === String(at)) ? undefined : { labels }
}

/** The head that takes the place of the model's; the seed is that of weights which the adapter replaces. */
export function headOf(classes: Classes | undefined, seed = 0): NewHead | undefined {
  if (classes?.newHead === undefined) return undefined
  return { task: classes.newHead, labels: classes.labels, seed }
}
