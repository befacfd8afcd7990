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

/**
 * A POST that creates something: sent again while nobody answers, under one key, so that it is created once. The same request that was
 * given up and is made again still has its key. Throws ApiError.
 */
export async function create<T>(path: string, body: unknown): Promise<T> {
  const asked = `${path} ${JSON.stringify(body)}`
  const key = unanswered.get(asked) ?? newKey()
  unanswered.set(asked, key)
  for (let sent = 0; ; sent++) {
    try {
      const answer = await (await ask('POST', path, body, undefined, { 'idempotency-key': key })).json()
      unanswered.delete(asked)
      return answer as T
    } catch (error) {
      const isLost = !(error instanceof ApiError) || error.status === 0 // or an answer that broke off
      if (!isLost) unanswered.delete(asked)
      const waitMs = WAITS_MS[sent]
      if (!isLost) throw error
      if (waitMs === undefined) throw silence(error)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }
}

const WAITS_MS = [400, 1600, 3200]
const unanswered = new Map<string, string>() // request -> its key

// crypto.randomUUID is only there for pages of https and of this machine.
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

/** POST that counts only while something is as it was shown; `tag` null: while there is none. Throws ApiError. */
export async function change<T>(path: string, tag: string | null, body: unknown = {}): Promise<T> {
  const headers = tag === null ? { 'if-none-match': '*' } : { 'if-match': `"${tag}"` }
  return (await (await ask('POST', path, body, undefined, headers as Record<string, string>)).json()) as T
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

async function ask(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${token.value ?? ''}`, ...more }
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
