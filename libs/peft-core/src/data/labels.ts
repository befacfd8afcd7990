/**
 * Names of classes and their numbers.
 * @module
 */
import { shown } from './fields.js'

/** The names that the data uses, in the order in which they were met; or the model's own. */
export interface MetLabels {
  readonly names: readonly string[]
  numberOf(name: string): number
}

/** What a model says of its classes. */
export interface KnownClasses {
  /** Their names, where they say something. */
  readonly labels?: readonly string[] | undefined
  /** How many there are. */
  readonly classes?: number | undefined
}

/** With the names `known`, only those have numbers: RangeError for another. */
export function createMetLabels(known?: readonly string[]): MetLabels {
  if (known !== undefined) return { names: known, numberOf: (name) => labelNumber(name, known) }
  const numbers = new Map<string, number>()
  return {
    get names() {
      return [...numbers.keys()]
    },
    numberOf(name) {
      const number = numbers.get(name) ?? numbers.size
      numbers.set(name, number)
      return number
    },
  }
}

/**
 * A label as a name: a text, a whole number of 0 or more, or a truth value. RangeError when it is none of them: -1 stands
 * for no label in data sets that hold their answers back.
 */
export function labelName(value: unknown, field: string): string {
  if (/^-\d+$/.test(String(value).trim()))
    throw new RangeError(`expected a label "${field}" of 0 or more, got ${shown(value)}`)
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  if (Number.isSafeInteger(value) || typeof value === 'boolean') return String(value)
  throw new RangeError(`expected a label "${field}" (a name or a whole number), got ${shown(value)}`)
}

/** The labels of the data as a set of their own: numbers from 0 to the greatest, or names in alphabetical order. */
export function sortedLabels(met: readonly string[]): readonly string[] {
  if (met.length === 0 || !met.every(isNumber)) return [...met].sort()
  const count = Math.max(...met.map(Number)) + 1
  return Array.from({ length: count }, (_, number) => String(number))
}

/** The names of the classes: the model's, or those of the data. RangeError when the data has more than the model. */
export function namesOf(
  met: readonly string[],
  { labels, classes = Number.POSITIVE_INFINITY }: KnownClasses,
): readonly string[] {
  const names = labels ?? sortedLabels(met)
  if (names.length <= classes) return names
  throw new RangeError(
    `the model has ${classes} classes; expected at most as many labels in the data, got ${names.length}`,
  )
}

/** The number of a label in a set of names: the name's, or the number that the label is. RangeError when it is not there. */
export function labelNumber(label: string, names: readonly string[]): number {
  const known = names.indexOf(label)
  if (known >= 0) return known
  if (isNumber(label) && Number(label) < names.length) return Number(label)
  const some = names.slice(0, 8).join(', ')
  const more = names.length > 8 ? `, … (${names.length} in all)` : ''
  throw new RangeError(`expected a label of the model (${some}${more}), got ${shown(label)}`)
}

const isNumber = (label: string): boolean => /^\d{1,6}$/.test(label)
