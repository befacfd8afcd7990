/**
 * Fields of a decoded config.json. Each reader gives a RangeError that names the field, what was expected and what came.
 * @module
 */

export type Fields = Readonly<Record<string, unknown>>

/** A finite number; `otherwise` where the field is absent or null. */
export function numberOf(fields: Fields, name: string, otherwise?: number): number {
  const value = fields[name] ?? otherwise
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new RangeError(`${name} expected a number, got ${JSON.stringify(value)}`)
}

/** A whole number above 0. */
export function countOf(fields: Fields, name: string, otherwise?: number): number {
  const value = numberOf(fields, name, otherwise)
  if (Number.isInteger(value) && value > 0) return value
  throw new RangeError(`${name} expected a whole number above 0, got ${value}`)
}

/** More blocks than any published transformer has: more of them is a damaged file. */
const MAX_LAYERS = 1024

/** How many blocks a model has. */
export function layersOf(fields: Fields, name: string): number {
  const layers = countOf(fields, name)
  if (layers <= MAX_LAYERS) return layers
  throw new RangeError(`${name} expected at most ${MAX_LAYERS}, got ${layers}`)
}

export function textOf(fields: Fields, name: string, otherwise?: string): string {
  const value = fields[name] ?? otherwise
  if (typeof value === 'string') return value
  throw new RangeError(`${name} expected a text, got ${JSON.stringify(value)}`)
}

export function flagOf(fields: Fields, name: string, otherwise: boolean): boolean {
  const value = fields[name] ?? otherwise
  if (typeof value === 'boolean') return value
  throw new RangeError(`${name} expected true or false, got ${JSON.stringify(value)}`)
}

/** A list; empty where the field is absent or null. */
export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name] ?? []
  if (Array.isArray(value)) return value
  throw new RangeError(`${name} expected a list, got ${JSON.stringify(value)}`)
}

/** A list of finite numbers, of one or more. */
export function numbersOf(fields: Fields, name: string): readonly number[] {
  const values = listOf(fields, name)
  if (values.length > 0 && values.every((value) => Number.isFinite(value))) return values as readonly number[]
  throw new RangeError(`${name} expected a list of numbers, got ${JSON.stringify(values)}`)
}

/** Refuses one value of a field that asks for what is not built. */
export function refuse(fields: Fields, name: string, value: unknown): void {
  if (fields[name] === value) throw new RangeError(`${name} ${JSON.stringify(value)} is not supported`)
}
