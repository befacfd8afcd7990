/**
 * A route of the API, declared once: what it takes, what it answers, who may ask. Requests are read by it, and the document is made of it.
 * @module
 */
import { type ErrorCode, readMessage, type Shown } from '@lorica/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Role } from '../fleet/operators.js'
import { KEY_HEADER, type Once, type Repetition } from './once.js'

/** A body: how it looks, and what reads it. */
export interface Body<T> {
  readonly schema: z.ZodType
  readonly read: (raw: unknown) => T
}

/** A body that a schema describes in full; `name` is what refusals call it. */
export function body<T>(name: string, schema: z.ZodType<T>): Body<T> {
  return { schema, read: (raw) => readMessage(schema, name, raw) }
}

/** A body that something else than its schema reads. */
export function bodyReadBy<T>(read: (raw: unknown) => T, schema: z.ZodType): Body<T> {
  return { schema, read }
}

/** What `act` gives when it has answered by itself. */
export const answered = Symbol('answered')

/** A request, read. */
export interface Asked<Params, Query, Given> {
  readonly params: Params
  readonly query: Query
  readonly body: Given
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly once: Once // of a route that is declared with `isOnce`
}

interface Declared<Params extends z.ZodType, Query extends z.ZodType, Given, Answer extends z.ZodType> {
  readonly path: `${'GET' | 'POST'} /${string}`
  readonly role: Role | null // the least that may ask; null: anybody
  readonly summary: string
  readonly params?: Params
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>> // that it reads, and what they say
  readonly body?: Body<Given>
  readonly bodyBytes?: number // at most; the server’s own bound where it is left out
  readonly answer: Answer
  readonly media?: string // of the answer; JSON where it is left out. Of lines of JSON `answer` is one line
  readonly status?: 200 | 201
  readonly alsoStatus?: 503 // that the same answer may have
  readonly isOnce?: true // may be sent again under an idempotency key: `act` looks at `once`
  readonly codes?: readonly ErrorCode[] // of refusals, beside those that any route may give
  readonly enter?: (request: FastifyRequest) => void // before anything of the request is read
  readonly act: (
    asked: Asked<z.output<Params>, z.output<Query>, Given>,
  ) => Promise<Shown<Answer>> | Shown<Answer> | typeof answered
}

/** A route with its types left behind. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly role: Role | null
  readonly summary: string
  readonly params: z.ZodType | undefined
  readonly query: z.ZodType | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body<unknown> | undefined
  readonly bodyBytes: number | undefined
  readonly answer: z.ZodType
  readonly media: string
  readonly status: 200 | 201
  readonly alsoStatus: 503 | undefined
  readonly isOnce: boolean
  readonly codes: readonly ErrorCode[]
  readonly enter: (request: FastifyRequest) => void
  readonly handle: (request: FastifyRequest, reply: FastifyReply, once: Once | undefined) => Promise<unknown>
}

/** Declares a route. */
export function route<
  Answer extends z.ZodType,
  Params extends z.ZodType = z.ZodType<undefined>,
  Query extends z.ZodType = z.ZodType<undefined>,
  Given = undefined,
>(declared: Declared<Params, Query, Given, Answer>): Route {
  const [method, path] = declared.path.split(' ') as ['GET' | 'POST', string]
  const { params, query, act } = declared
  return {
    ...{ method, path, params, query, role: declared.role, summary: declared.summary },
    ...{ headers: declared.headers ?? {}, body: declared.body, bodyBytes: declared.bodyBytes },
    ...{ answer: declared.answer, media: declared.media ?? 'application/json' },
    ...{ status: declared.status ?? 200, alsoStatus: declared.alsoStatus, codes: declared.codes ?? [] },
    isOnce: declared.isOnce ?? false,
    enter: declared.enter ?? (() => {}),
    handle: async (request, reply, once) =>
      await act({
        params: partOf('path', params, request.params) as z.output<Params>,
        query: partOf('query', query, request.query) as z.output<Query>,
        body: declared.body?.read(request.body) as Given,
        request,
        reply,
        once: once as Once, // there is none where nobody may look at it
      }),
  }
}

function partOf(name: string, schema: z.ZodType | undefined, raw: unknown): unknown {
  return schema === undefined ? undefined : readMessage(schema, name, raw)
}

/** What requests under an idempotency key go through, and who sends one. */
export interface Repeating {
  readonly repetition: Repetition
  readonly nameOf: (request: FastifyRequest) => string
}

/** Serves routes; without `repeating` none of them creates anything. */
export function serveRoutes(app: FastifyInstance, routes: readonly Route[], repeating?: Repeating): void {
  for (const one of routes) {
    const { method, path, role, bodyBytes, enter, media, status } = one
    app.route({
      ...{ method, url: path, config: { role } },
      ...(bodyBytes === undefined ? {} : { bodyLimit: bodyBytes }),
      onRequest: async (request) => enter(request),
      handler: async (request, reply) => {
        const answer = await once(one, request, repeating, (once) => one.handle(request, reply, once))
        if (answer === answered) return reply
        if (media !== 'application/json') void reply.header('content-type', media)
        return reply.status(reply.statusCode === 200 ? status : reply.statusCode).send(answer)
      },
    })
  }
}

function once<T>(
  { isOnce, path }: Route,
  request: FastifyRequest,
  repeating: Repeating | undefined,
  act: (once: Once | undefined) => Promise<T>,
): Promise<T> {
  if (!isOnce) return act(undefined)
  if (repeating === undefined) throw new RangeError(`${path} creates something: expected "repeating"`)
  const { headers, method, url, body } = request
  const key = headers[KEY_HEADER]
  const operator = repeating.nameOf(request)
  const asked = { key: key === undefined ? key : String(key), operator, target: `${method} ${url}`, body }
  return repeating.repetition.during(asked, act)
}
