import type { Problem } from '@lorica/protocol'
import { sentence } from '../views/format.js'
import { signOut, token } from './session.js'

/** An answer that was not the one that was asked for: what the coordinator said, or that it said nothing (code null). */
export class ApiError extends Error {
  readonly code: string | null
  readonly action: string
  readonly status: number
  readonly told: string // what happened and what to do

  constructor(message: string, code: string | null, action: string, status = 0) {
    super(message)
    this.code = code
    this.action = action
    this.status = status
    this.told = `${sentence(message)} ${action}`.trim()
  }
}

/** GET of a path below /api/v1, as JSON. Throws ApiError. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask('GET', path, undefined, signal)).json()) as T
}

/** POST of a path below /api/v1, as JSON both ways. Throws ApiError. */
export async function post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
  return (await (await ask('POST', path, body, signal)).json()) as T
}

/** The bytes of a blob. Throws ApiError. */
export async function blob(sha256: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return await (await ask('GET', `/blobs/${sha256}`, undefined, signal)).arrayBuffer()
}

/** The lines of JSON that a path streams, until it ends. Throws ApiError. */
export async function* lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const { body } = await ask('GET', path, undefined, signal)
  if (body === null) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => Promise.reject(silence(error)))
    if (done) return
    const parts = (rest + value).split('\n')
    rest = parts.pop() ?? ''
    for (const text of parts) if (text !== '') yield JSON.parse(text) as T
  }
}

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${token.value ?? ''}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const response = await fetch(new URL(`api/v1${path}`, document.baseURI), {
    method,
    headers,
    cache: 'no-store',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => Promise.reject(silence(error)))
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>
  const { detail = `HTTP ${response.status}`, code = null, action = '' } = problem
  if (response.status === 401) signOut(`The coordinator does not know this token (${code ?? '401'}).`)
  throw new ApiError(detail, code, action, response.status)
}

function silence(error: unknown): unknown {
  if ((error as Error).name === 'AbortError') return error
  return new ApiError('The coordinator does not answer.', null, 'It is asked again until it is back.')
}

/** Whether an error only says that nobody waits for the answer any more. */
export function isAbort(error: unknown): boolean {
  return (error as Error).name === 'AbortError'
}
