/**
 * JSON text that is the same for equal values: keys sorted by code unit, no spaces, fields that are undefined left out.
 * Numbers and strings are written as JSON.stringify writes them (https://www.rfc-editor.org/rfc/rfc8785).
 * Throws TypeError for values that JSON cannot hold: NaN, infinity, functions, bigint, class instances.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`value expected a finite number, got ${value}`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object') throw new TypeError(`value expected JSON data, got ${typeof value}`)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`value expected JSON data, got ${value.constructor?.name ?? 'an object'}`)
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}
