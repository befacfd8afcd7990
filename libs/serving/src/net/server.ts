/**
 * The HTTP server: what clients of OpenAI's API ask, and how the server is.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ApiError, apiErrorOf, errorBody } from '../api/api-error.js'
import type { ServingMetrics } from '../metrics/serving-metrics.js'
import type { Reply } from '../replies/reply.js'
import { type Access, expectAccess, isLocalHost } from './access.js'
import { createEventStream } from './event-stream.js'
import { jsonBody } from './json-body.js'

export interface Asked {
  readonly id: string
  readonly headers: IncomingMessage['headers']
  /** What follows the path that is listed. */
  readonly rest: string
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}

/** What answers a path: a body, or a reply that may come in pieces. */
export type Answering = (body: unknown, asked: Asked) => Promise<object | Reply> | object | Reply

/** By method and path; a path that ends with / takes what comes after it. */
export type Paths = Readonly<Record<string, Answering>>

export interface ServerOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly key?: string | undefined
  readonly paths: Paths
  readonly metrics: ServingMetrics
  /** Whether requests are answered by now. */
  isReady(): boolean
}

export interface RunningServer {
  readonly url: string
  /** Takes no more requests, and waits until those that came are answered, at most so long. */
  close(patienceMs: number): Promise<void>
}

const MOST_BYTES = 8 * 2 ** 20
const HEADERS_MS = 10_000

/** Listens. RangeError for an address beyond this machine without a key. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, port, key, paths, metrics, isReady } = options
  const isLocal = isLocalHost(host)
  if (!isLocal && key === undefined)
    throw new RangeError(
      `a server that listens on ${host}, for other machines, expected an API key; got none`,
    )
  const access: Access = { key, isLocal }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = performance.now()
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const found = foundIn(paths, `${request.method} ${path}`)
    response.on('close', () =>
      metrics.request(found?.path ?? 'unknown', response.statusCode, (performance.now() - startedMs) / 1000),
    )
    try {
      if (path === '/healthz') return sendJson(response, 200, { status: 'ok' })
      if (path === '/readyz') return sendJson(response, isReady() ? 200 : 503, { ready: isReady() })
      expectAccess(request, access)
      if (request.method === 'GET' && path === '/metrics') {
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
        return void response.end(metrics.text())
      }
      if (found === undefined) throw unknownPath(request.method ?? '', path)
      const body = request.method === 'POST' ? await jsonBody(request, MOST_BYTES) : undefined
      await respond(response, found, body, request)
    } catch (error) {
      fail(response, error)
    }
  }
  const server = createServer({ headersTimeout: HEADERS_MS, maxHeaderSize: 16_384 }, (request, response) => {
    void handle(request, response)
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound, family } = server.address() as AddressInfo
  const name = family === 'IPv6' ? `[${host}]` : host
  return {
    url: `http://${name}:${bound}`,
    async close(patienceMs) {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), patienceMs)
      await closed
      clearTimeout(late)
    },
  }
}

interface Found {
  readonly path: string
  readonly answering: Answering
  readonly rest: string
}

function foundIn(paths: Paths, asked: string): Found | undefined {
  const path = Object.keys(paths).find((known) =>
    known.endsWith('/') ? asked.startsWith(known) && asked.length > known.length : asked === known,
  )
  if (path === undefined) return undefined
  const rest = decodeURIComponent(asked.slice(path.length))
  return { path: path.slice(path.indexOf(' ') + 1), answering: paths[path] as Answering, rest }
}

async function respond(
  response: ServerResponse,
  { answering, rest }: Found,
  body: unknown,
  { headers }: IncomingMessage,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const id = randomUUID().replaceAll('-', '')
  response.setHeader('x-request-id', id)
  const answered = await answering(body, { id, headers, rest, signal: gone.signal })
  if (!isReply(answered)) return sendJson(response, 200, answered)
  const stream = createEventStream(response)
  const whole = await answered.run((event) => stream.send(event))
  if (gone.signal.aborted) return
  if (answered.streams) stream.end()
  else sendJson(response, 200, whole ?? {})
}

const isReply = (answered: object | Reply): answered is Reply => 'run' in answered

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

/** An error as its status, or as the last event of a stream that has begun. */
function fail(response: ServerResponse, cause: unknown): void {
  const error = apiErrorOf(cause)
  if (response.destroyed) return
  if (response.headersSent) {
    response.end(`data: ${JSON.stringify(errorBody(error))}\n\n`)
    return
  }
  const { retryAfterS } = error.details
  if (retryAfterS !== undefined) response.setHeader('retry-after', String(retryAfterS))
  sendJson(response, error.status, errorBody(error))
}

const unknownPath = (method: string, path: string): ApiError =>
  new ApiError(404, `there is no ${method} ${path} here`, { code: 'unknown_url' })
