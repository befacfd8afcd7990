import { z } from 'zod'

/** A document of JSON, or a part of one. */
export type Json = Readonly<Record<string, unknown>>

/** Schemas as JSON Schema 2020-12; those with an id are named once and referred to. */
export interface Schemas {
  /** Of what is sent to us: `…Input` where it has an id. */
  given(schema: z.ZodType): Json
  /** Of what we answer; fields may be added to it. */
  shown(schema: z.ZodType): Json
  /** Those that were referred to so far, by their names. */
  named(): Readonly<Record<string, Json>>
}

/** None so far. */
export function schemasOf(): Schemas {
  const all = new Map<string, Json>()

  function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
    const nameOf = (id: string) => (io === 'input' ? `${id}Input` : id)
    const { $defs = {}, properties } = z.toJSONSchema(z.object({ it: schema }), {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        if (io === 'output' && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties
        if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      },
    })
    const referring = (part: unknown): unknown => {
      if (Array.isArray(part)) return part.map(referring)
      if (typeof part !== 'object' || part === null) return part
      return Object.fromEntries(
        Object.entries(part).map(([key, value]) =>
          key === '$ref' && typeof value === 'string'
            ? [key, `#/components/schemas/${nameOf(value.replace('#/$defs/', ''))}`]
            : [key, referring(value)],
        ),
      )
    }
    for (const [id, one] of Object.entries($defs)) {
      const { id: _, ...rest } = referring(one) as Json
      all.set(nameOf(id), rest)
    }
    return referring((properties as { readonly it: Json }).it) as Json
  }

  return {
    given: (schema) => schemaOf(schema, 'input'),
    shown: (schema) => schemaOf(schema, 'output'),
    named: () => Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}
