/**
 * What to say of a key that a schema does not have: the key that was probably meant, or those that there are.
 * @module
 */
import type { z } from 'zod'

/** A key that is not known, in words, and what is known in its place. */
export interface UnknownKey {
  readonly problem: string
  readonly expected: string
  readonly received: string
}

/** Names `key`, found at `path` of what `schema` was to check, and the nearest of the keys that may be there. */
export function unknownKey(schema: z.ZodType, path: readonly PropertyKey[], key: string): UnknownKey {
  const known = path.reduce<readonly z.ZodType[]>(below, plain(schema)).flatMap(keysOf)
  const shown = JSON.stringify(key.slice(0, 80))
  const [nearest] = known
    .map((name) => ({ name, edits: edits(name.toLowerCase(), key.slice(0, 80).toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const isMeant = nearest !== undefined && nearest.edits <= Math.max(1, Math.floor(nearest.name.length / 3))
  const problem = `unknown key ${shown}`
  if (isMeant)
    return {
      problem: `${problem}; did you mean "${nearest.name}"?`,
      expected: JSON.stringify(nearest.name),
      received: shown,
    }
  const expected = known.length === 0 ? 'no further key' : `one of ${[...new Set(known)].join(', ')}`
  return { problem, expected, received: shown }
}

interface Parts {
  readonly innerType?: z.ZodType // of a default, an optional or a nullable value
  readonly in?: z.ZodType // of a value that is changed after it was read
  readonly out?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
}

const partsOf = (schema: z.ZodType): Parts => schema._zod.def as Parts

/** The schemas that a value may have to meet, without what wraps them. */
function plain(schema: z.ZodType): readonly z.ZodType[] {
  const { innerType, in: before, out, options } = partsOf(schema)
  const inner = [innerType, before, out, ...(options ?? [])].filter((one) => one !== undefined)
  return inner.length === 0 ? [schema] : inner.flatMap(plain)
}

function below(schemas: readonly z.ZodType[], key: PropertyKey): readonly z.ZodType[] {
  return schemas.flatMap((schema) => {
    const { shape, element, valueType } = partsOf(schema)
    const next = shape === undefined ? (element ?? valueType) : shape[String(key)]
    return next === undefined ? [] : plain(next)
  })
}

const keysOf = (schema: z.ZodType): readonly string[] => Object.keys(partsOf(schema).shape ?? {})

/** Letters to add, take away or change to make one word of the other (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
