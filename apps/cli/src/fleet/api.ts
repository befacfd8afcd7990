/**
 * The coordinator's HTTP API as commands use it.
 * @module
 */
import { isErrorCode, LoricaError } from '@lorica/protocol'

export interface ApiOptions {
  readonly url?: string
  readonly token?: string
}

export interface Api {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  bytes(path: string): Promise<Uint8Array>
  /** The documents of a newline-delimited JSON stream, as they arrive. */
  stream<T>(path: string): AsyncGenerator<T>
}

interface Problem {
  readonly code?: string
  readonly title?: string
  readonly detail?: string
  readonly expected?: string
  readonly received?: string
  readonly action?: string
}

/** Connects commands to the coordinator that `--url` and `--token`, or LORICA_URL and LORICA_TOKEN, name. */
export function createApi(options: ApiOptions): Api {
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
  return {
    get: async <T>(path: string) => (await (await request(path)).json()) as T,
    post: async <T>(path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' }
      return (await (
        await request(path, { method: 'POST', headers, body: JSON.stringify(body) })
      ).json()) as T
    },
    bytes: async (path) => new Uint8Array(await (await request(path)).arrayBuffer()),
    async *stream<T>(path: string) {
      const { body } = await request(path)
      if (body === null) return
      yield* documents<T>(body)
    },
  }
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
