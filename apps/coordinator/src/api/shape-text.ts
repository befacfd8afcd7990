import type { Json } from './json-schemas.js'

/** A JSON Schema as a type that people read; a schema that it refers to is `@Name`. Descriptions follow their field. */
export function shapeOf(schema: Json, indent = ''): string {
  const { $ref, type, enum: options, const: only, anyOf, oneOf, items, properties } = schema
  if (typeof $ref === 'string') return `@${$ref.split('/').at(-1)}`
  if (only !== undefined) return JSON.stringify(only)
  if (Array.isArray(options)) return options.map((one) => JSON.stringify(one)).join(' | ')
  const choices = anyOf ?? oneOf
  if (Array.isArray(choices)) return choices.map((one: Json) => shapeOf(one, indent)).join(' | ')
  if (Array.isArray(type)) return type.map((one) => shapeOf({ ...schema, type: one }, indent)).join(' | ')
  if (type === 'array') return `[${shapeOf((items ?? {}) as Json, indent)}]`
  if (type === 'object' && properties !== undefined) return fieldsOf(schema, indent)
  if (type === 'object') {
    const { additionalProperties: values } = schema
    return typeof values === 'object' && values !== null
      ? `{ [name]: ${shapeOf(values as Json, indent)} }`
      : 'object'
  }
  return typeof type === 'string' ? type : 'anything'
}

function fieldsOf({ properties, required = [] }: Json, indent: string): string {
  const needed = required as readonly string[]
  const lines = Object.entries(properties as Readonly<Record<string, Json>>).map(([name, field]) => {
    const shape = shapeOf(field, `${indent}  `)
    const note = field.description === undefined ? '' : `  // ${String(field.description)}`
    return `${indent}  ${name}${needed.includes(name) ? '' : '?'}: ${shape}${note}`
  })
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`
}
