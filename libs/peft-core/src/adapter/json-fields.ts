/**
 * The fields of a PEFT configuration file: read with a check of each, and written as Python writes them.
 * @module
 */
import type { PeftOrigin } from './origin.js'
import { compareBytes } from './safetensors-write.js'

export type Fields = Readonly<Record<string, unknown>>

/** What PEFT 0.21 says in every configuration that it saves. */
export const savedFields = { inference_mode: true, peft_version: '0.21.0' } as const

/** Reads fields by name. A field that is absent or null has its default; TypeError says what was expected and what came. */
export function fieldReader(fields: Fields) {
  const field = <T>(name: string, expected: string, is: (value: unknown) => value is T, otherwise: T): T => {
    const value = fields[name] ?? otherwise
    if (value === otherwise || is(value)) return value as T
    throw new TypeError(`${name} expected ${expected}, got ${JSON.stringify(value)}`)
  }
  return {
    number: (name: string, otherwise: number) =>
      field(name, 'a number', (v) => typeof v === 'number', otherwise),
    boolean: (name: string, otherwise = false) =>
      field(name, 'true or false', (v) => typeof v === 'boolean', otherwise),
    text: (name: string) => field<string | null>(name, 'text', isText, null),
    names: (name: string) =>
      field<string | readonly string[] | null>(
        name,
        'text or a list of texts',
        (v) => isText(v) || isNames(v),
        null,
      ),
    /** A single name is a list of one; an empty list is none. */
    list: (name: string): readonly string[] | null => {
      const names = field<string | readonly string[]>(
        name,
        'text or a list of texts',
        (v) => isText(v) || isNames(v),
        [],
      )
      return names.length === 0 ? null : [names].flat()
    },
    layers: (name: string) => field<number | readonly number[] | null>(name, 'layer numbers', isLayers, null),
    numbers: (name: string) =>
      field<Readonly<Record<string, number>>>(name, 'numbers by name', isNumbers, {}),
  }
}

export type FieldReader = ReturnType<typeof fieldReader>

/** Where an adapter comes from. */
export function readOrigin(fields: Fields): PeftOrigin {
  const read = fieldReader(fields)
  return {
    taskType: read.text('task_type'),
    baseModel: read.text('base_model_name_or_path'),
    revision: read.text('revision'),
    autoMapping: isRecord(fields.auto_mapping) ? fields.auto_mapping : null,
  }
}

/** The fields that say where an adapter comes from. */
export function originFields({ taskType, baseModel, revision, autoMapping }: PeftOrigin): Fields {
  return {
    auto_mapping: autoMapping,
    base_model_name_or_path: baseModel,
    revision,
    task_type: taskType,
  }
}

/** RangeError for the first of the fields that is set: ignoring it would give the tensors another meaning. */
export function refuseFields(fields: Fields, names: readonly string[]): void {
  const refused = names.find((name) => !isEmpty(fields[name]))
  if (refused === undefined) return
  throw new RangeError(
    `${refused} is not supported, got ${JSON.stringify(fields[refused])}; train the adapter without it`,
  )
}

/** The object that a JSON text holds. TypeError when it holds none. */
export function parseFields(json: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new TypeError(`expected JSON, got text that is none: ${(cause as Error).message}`, { cause })
  }
  if (!isRecord(value)) throw new TypeError('expected a JSON object')
  return value
}

/** JSON as Python's `json.dumps(fields, indent=2, sort_keys=True)` writes it; whole numbers in `floats` end in `.0`. */
export function formatFields(fields: Fields, floats: readonly string[]): string {
  const json = JSON.stringify(sortedKeys(fields), undefined, 2)
  return floats
    .reduce((text, name) => text.replace(new RegExp(`^( {2}"${name}": \\d+)(?=,?$)`, 'm'), '$1.0'), json)
    .replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}

function isLayers(value: unknown): value is number | readonly number[] {
  return (Array.isArray(value) ? value : [value]).every((layer) => Number.isInteger(layer))
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'number')
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sortedKeys(value: unknown): unknown {
  if (!isRecord(value)) return value
  const sorted = Object.entries(value).sort(([left], [right]) => compareBytes(left, right))
  return Object.fromEntries(sorted.map(([key, entry]) => [key, sortedKeys(entry)]))
}
