/**
 * The document of the API, in OpenAPI 3.1, made of the routes themselves.
 * Specification: https://spec.openapis.org/oas/v3.1.0
 * @module
 */
import { codes, type ErrorCode, LoricaError, problemOf, problemSchema } from '@lorica/protocol'
import type { Role } from '../fleet/operators.js'
import { type Json, type Schemas, schemasOf } from './json-schemas.js'
import { KEY_HEADER } from './once.js'
import type { Route } from './route.js'

/** One operation of the document, and the route that it is of. */
export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security: readonly Json[]
  readonly parameters: readonly Json[]
  readonly requestBody?: Json
  readonly responses: Readonly<Record<string, Json>>
  readonly 'x-lorica-role': Role | null
}

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: Json
  readonly servers: readonly Json[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json }
}

/** The document of `routes`, as `software` serves them. */
export function openApiOf(routes: readonly Route[], software: string): OpenApi {
  const schemas = schemasOf()
  const problem = schemas.shown(problemSchema)
  const paths: Record<string, Record<string, Operation>> = {}
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}')
    const operation = operationOf(one, schemas, problem)
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operation }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lorica coordinator',
      version: software,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'What operators and agents ask of a coordinator. Every refusal is a problem document with a stable code; fields may be added to answers.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: schemas.named(),
      securitySchemes: {
        operator: { type: 'http', scheme: 'bearer', description: 'the token of an operator' },
      },
    },
  }
}

function operationOf(route: Route, schemas: Schemas, problem: Json): Operation {
  const { path, role, summary, body, answer, media, status, alsoStatus } = route
  const answered = { description: summary, content: { [media]: { schema: schemas.shown(answer) } } }
  return {
    operationId: operationIdOf(route),
    summary,
    tags: [path.split('/')[3] ?? 'coordinator'],
    security: role === null ? [] : [{ operator: [] }],
    parameters: parametersOf(route, schemas),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemas.given(body.schema) } },
          },
        }),
    responses: {
      [String(status)]: answered,
      ...(alsoStatus === undefined ? {} : { [String(alsoStatus)]: answered }),
      ...refusalsOf(codesOf(route), problem),
    },
    'x-lorica-role': role,
  }
}

function operationIdOf({ method, path }: Route): string {
  const words = path
    .replace(/^\/api\/v1\//, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  return method.toLowerCase() + words.map((word) => (word[0] ?? '').toUpperCase() + word.slice(1)).join('')
}

function parametersOf({ params, query, headers, isOnce }: Route, schemas: Schemas): readonly Json[] {
  const all = isOnce
    ? { ...headers, [KEY_HEADER]: 'a name of this request: sent again with it, it creates nothing more' }
    : headers
  return [
    ...fieldsOf('path', params === undefined ? {} : schemas.given(params)),
    ...fieldsOf('query', query === undefined ? {} : schemas.given(query)),
    ...Object.entries(all).map(([name, description]) => ({
      ...{ name, in: 'header', required: false, description, schema: { type: 'string' } },
    })),
  ]
}

function fieldsOf(where: 'path' | 'query', { properties = {}, required = [] }: Json): readonly Json[] {
  return Object.entries(properties as Readonly<Record<string, Json>>).map(([name, schema]) => {
    const { description, ...rest } = schema
    return {
      ...{ name, in: where, required: (required as readonly string[]).includes(name) },
      ...(description === undefined ? {} : { description }),
      schema: rest,
    }
  })
}

/** Every code that a route may answer, its own and those that follow from what it takes. */
export function codesOf({ method, role, query, body, isOnce, codes: own }: Route): readonly ErrorCode[] {
  const asked: ErrorCode[] = role === null ? [] : ['LRC-2007', 'LRC-2015']
  const read: ErrorCode[] = query === undefined && body === undefined ? [] : ['LRC-1007']
  const sent: ErrorCode[] = body === undefined ? [] : ['LRC-1002']
  const kept: ErrorCode[] = method === 'POST' && role !== null ? ['LRC-5005', 'LRC-5008'] : []
  const again: ErrorCode[] = isOnce ? ['LRC-1014'] : []
  return [...new Set<ErrorCode>([...read, ...sent, ...asked, ...again, ...own, ...kept, 'LRC-9001'])]
}

function refusalsOf(all: readonly ErrorCode[], problem: Json): Readonly<Record<string, Json>> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of all) {
    const { status } = problemOf(new LoricaError(code, ''))
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const entries = [...byStatus].map(([status, some]): [string, Json] => [
    String(status),
    {
      description: some.map((code) => `${code}: ${codes[code].title}`).join('. '),
      content: { 'application/problem+json': { schema: problem } },
    },
  ])
  return Object.fromEntries(entries)
}
