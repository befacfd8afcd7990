import type { Socket } from 'node:net'
import { LoricaError, problemOf } from '@lorica/protocol'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Log } from '../log.js'
import type { Metrics } from '../watching/metrics.js'
import type { Certificate } from './certificate.js'
import { retryAfterOf } from './doorway.js'

const BODY_BYTES = 256 * 1024
const HEADERS_MS = 10_000
const REQUEST_MS = 20_000 // for a body of at most BODY_BYTES
const CONNECTION_BYTES = 64 * 1024 // of requests, after which a connection is closed: strangers do not get more
const server = { maxHeaderSize: 8 * 1024, headersTimeout: HEADERS_MS, connectionsCheckingInterval: 1000 }

/** An HTTP server, with TLS when there is a certificate, whose every error is a problem document with a code. Routes are added by the caller. */
export function openHttp(log: Log, certificate?: Certificate): FastifyInstance {
  const secure =
    certificate === undefined ? {} : { https: { ...server, ...certificate, handshakeTimeout: HEADERS_MS } }
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: HEADERS_MS,
    http: server,
    clientErrorHandler: answerUnread,
    frameworkErrors: (error, request, reply) => answer(error, request, reply),
    ...secure,
  }) as FastifyInstance

  function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(codedOf(error))
    if (problem.status >= 500)
      log('fault', { path: request.url.split('?')[0] ?? '', stack: (error as Error).stack ?? '' })
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problem))
  }

  app.setErrorHandler(answer)
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    const problem = problemOf(
      new LoricaError('LRC-3010', `no ${request.method} ${path}`, { received: `${request.method} ${path}` }),
    )
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problem))
  })
  app.addHook('onSend', async (request, reply) => {
    if (request.raw.socket.bytesRead > CONNECTION_BYTES) void reply.header('connection', 'close')
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store')
    void reply.header('x-content-type-options', 'nosniff')
  })
  return app
}

/** Tells `metrics` of every answer, by the pattern of its route. Streams count when they end. */
export function countRequests(app: FastifyInstance, metrics: Pick<Metrics, 'answered'>): void {
  app.addHook('onResponse', async ({ routeOptions }, reply) =>
    metrics.answered(routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime / 1000),
  )
}

/** Answers what the HTTP server could not read as a request, and ends its connection. */
function answerUnread(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, known] = unread(error)
  const body = JSON.stringify({ ...problemOf(known), status: Number(status.slice(0, 3)) })
  const lines = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

function unread({ code, message }: Error & { readonly code?: string }): readonly [string, LoricaError] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const expected = `at most ${server.maxHeaderSize} bytes`
    return [
      '431 Request Header Fields Too Large',
      new LoricaError('LRC-1002', 'request headers are too large', { expected }),
    ]
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const expected = `headers within ${HEADERS_MS / 1000} s and all of it within ${REQUEST_MS / 1000} s`
    return ['408 Request Timeout', new LoricaError('LRC-1009', 'request did not come in time', { expected })]
  }
  const expected = 'a request of HTTP/1.1'
  return ['400 Bad Request', new LoricaError('LRC-1007', `request: ${message}`, { expected })]
}

/** Errors of the HTTP library itself, such as a body that is not JSON, as coded errors. */
function codedOf(error: unknown): unknown {
  if (error instanceof LoricaError) return error
  const { statusCode, message } = error as { statusCode?: number; message?: string }
  if (statusCode === 413) {
    return new LoricaError('LRC-1002', 'request body is too large', {
      expected: `at most ${BODY_BYTES} bytes`,
    })
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new LoricaError('LRC-1007', `request: ${message ?? 'malformed'}`, { expected: 'a JSON body' })
  }
  return error
}
