/**
 * What a record of a data file holds, asked for by name.
 * @module
 */

/** A JSON object of a .jsonl file, or a row of a .csv file under the names of its header. */
export type Fields = Readonly<Record<string, unknown>>

/** The first of the names that the record has; undefined when it has none. */
export function nameOf(fields: Fields, names: readonly string[]): string | undefined {
  return names.find((name) => fields[name] !== undefined && fields[name] !== null)
}

/** A text field. RangeError names it when it is not there, or no text. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw new RangeError(`expected a text "${name}", got ${shown(value)}`)
}

/** A list of texts. */
export function textsOf(fields: Fields, name: string): readonly string[] {
  const value = fields[name]
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new RangeError(`expected a list of texts "${name}", got ${shown(value)}`)
}

/** A value in few words. */
export function shown(value: unknown): string {
  if (value === undefined) return 'none'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
