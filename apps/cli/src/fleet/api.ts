/**
 * The coordinator's HTTP API as commands use it.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { isErrorCode, LoricaError } from '@lorica/protocol'
import { insist } from './insist.js'

export interface ApiOptions {
  readonly url?: string
  readonly token?: string
}

export interface Api {
  get<T>(path: string): Promise<T>
  /** A list, asked for in pages to its end: the first answer, with the items of all of them in `field`. */
  all<T>(path: string, field: keyof T & string): Promise<T>
  post<T>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>
  /** A POST that creates something: under one idempotency key, and again while its answer gets lost. */
  create<T>(path: string, body: unknown, key?: string): Promise<T>
  bytes(path: string): Promise<Uint8Array>
  /** The documents of a newline-delimited JSON stream, as they arrive. */
  stream<T>(path: string): AsyncGenerator<T>
}

/** Options of commands that create something. */
export interface CreateOptions extends ApiOptions {
  readonly key?: string
}

const PAGE_ITEMS = 500

interface Problem {
  readonly code?: string
  readonly title?: string
  readonly detail?: string
  readonly expected?: string
  readonly received?: string
  readonly action?: string
}

/** The coordinator that `--url` and `--token`, or LORICA_URL and LORICA_TOKEN, name. Throws LoricaError LRC-8001. */
export function placeOf(options: ApiOptions): { readonly url: string; readonly token: string } {
  const url = options.url ?? process.env.LORICA_URL
  const token = options.token ?? process.env.LORICA_TOKEN
  if (url === undefined || token === undefined) {
    throw new LoricaError('LRC-8001', 'the coordinator to talk to is not given', {
      expected: '--url and --token, or LORICA_URL and LORICA_TOKEN',
      received: `${url === undefined ? 'no' : 'a'} url and ${token === undefined ? 'no' : 'a'} token`,
      action: 'Both are printed by `lorica coordinator` when it starts.',
    })
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new LoricaError('LRC-8001', `"${url}" is not the address of a coordinator`, {
      expected: 'http://HOST:PORT',
      received: url,
    })
  }
  return { url, token }
}

/** Connects commands to the coordinator that `--url` and `--token`, or LORICA_URL and LORICA_TOKEN, name. */
export function createApi(options: ApiOptions): Api {
  const { url, token } = placeOf(options)
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    const response = await fetch(new URL(path, url), { ...init, headers }).catch((cause: unknown) => {
      throw new LoricaError('LRC-8002', `no coordinator answers at ${url}`, {
        received: reasonOf(cause),
        cause,
      })
    })
    if (!response.ok) throw problemOf(response.status, await response.text())
    return response
  }
  const get = async <T>(path: string): Promise<T> => (await (await request(path)).json()) as T
  const post = async <T>(path: string, body: unknown, more: Readonly<Record<string, string>> = {}) => {
    const headers = { 'content-type': 'application/json', ...more }
    const response = await request(path, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json().catch((cause: unknown) => {
      throw new LoricaError('LRC-8002', `the answer of ${url} broke off`, {
        received: reasonOf(cause),
        cause,
      })
    })) as T
  }
  return {
    get,
    post,
    all: <T>(path: string, field: keyof T & string) => allPages<T>(get, path, field),
    create: <T>(path: string, body: unknown, key: string = randomUUID()) =>
      insist(() => post<T>(path, body, { 'idempotency-key': key })),
    bytes: async (path) => new Uint8Array(await (await request(path)).arrayBuffer()),
    async *stream<T>(path: string) {
      const { body } = await request(path)
      if (body === null) return
      yield* documents<T>(body)
    },
  }
}

async function allPages<T>(
  get: <P>(path: string) => Promise<P>,
  path: string,
  field: keyof T & string,
): Promise<T> {
  const items: unknown[] = []
  let first: T | undefined
  let cursor: string | undefined
  do {
    const query = `limit=${PAGE_ITEMS}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const { next, ...page } = await get<T & { readonly next?: string }>(`${path}?${query}`)
    items.push(...(page as unknown as Readonly<Record<string, readonly unknown[]>>)[field]!)
    first ??= page as T
    cursor = next
  } while (cursor !== undefined)
  return { ...first!, [field]: items }
}

async function* documents<T>(body: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of body) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function problemOf(status: number, body: string): LoricaError {
  const problem = parseProblem(body)
  const code = problem.code !== undefined && isErrorCode(problem.code) ? problem.code : 'LRC-8002'
  return new LoricaError(code, problem.detail ?? problem.title ?? `the coordinator answered ${status}`, {
    expected: problem.expected,
    received: problem.received,
    action: problem.action,
  })
}

function parseProblem(body: string): Problem {
  try {
    return JSON.parse(body) as Problem
  } catch {
    return { detail: body.slice(0, 200) }
  }
}
