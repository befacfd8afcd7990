import { z } from 'zod'
import { PROTOCOL_VERSION } from '../version.js'

const firstVersion = z.registry<{ readonly version: number }>()

/**
 * A field of a message that exists since `version` of the protocol: optional, because an older peer leaves it out, and
 * left out by `fitted` to a peer that would refuse it.
 */
export function since<T extends z.ZodType>(version: number, field: T): z.ZodOptional<T> {
  const optional = z.optional(field)
  firstVersion.add(optional, { version })
  return optional
}

/** What a peer that speaks `version` knows of a message: newer fields are left out, at any depth. */
export function fitted<T>(schema: z.ZodType, value: T, version: number): T {
  return version >= PROTOCOL_VERSION ? value : (trimmed(schema, value, version) as T)
}

function trimmed(schema: z.core.$ZodType, value: unknown, version: number): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return trimmed(schema.unwrap(), value, version)
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => trimmed(schema.element, item, version))
  if (schema instanceof z.ZodUnion) {
    const option = schema.options.find((one) => z.safeParse(one, value).success)
    return option === undefined ? value : trimmed(option, value, version)
  }
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const known: z.ZodType | undefined = schema.shape[name]
    if (known === undefined) return [[name, field]]
    if ((firstVersion.get(known)?.version ?? 1) > version) return []
    return [[name, trimmed(known, field, version)]]
  })
  return Object.fromEntries(fields)
}
