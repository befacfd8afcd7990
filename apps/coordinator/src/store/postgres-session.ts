import { LoricaError } from '@lorica/protocol'
import pg from 'pg'

/** A row of an answer. */
export type Row = Readonly<Record<string, unknown>>

/** Runs a statement of the session. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

/** One session with a server, made again when it is lost. */
export interface Session {
  readonly name: string // the URL without its password
  /** Only within `inTurn` or `transaction`. */
  readonly query: Query
  /** One thing after the other. What a lost connection cut off is done once more: it has to bear that. */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  transaction<T>(act: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

const CONNECT_MS = 5000
const STATEMENT_MS = 15_000

/** Opens a session. `renew` is called with each new connection. Throws LoricaError LRC-5009. */
export async function openSession(url: string, renew: (query: Query) => Promise<void>): Promise<Session> {
  const name = shown(url)
  let client: pg.Client | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'lorica',
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      idle_in_transaction_session_timeout: STATEMENT_MS,
      query_timeout: 2 * STATEMENT_MS,
      keepAlive: true,
    })
    fresh.on('error', () => {
      if (client === fresh) client = undefined
    })
    await fresh.connect()
    await fresh.query('SET synchronous_commit = on')
    client = fresh
    await renew(query)
    return fresh
  }

  async function query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    if (client === undefined) throw new ConnectionLost()
    return (await client.query(text, [...values])).rows as readonly Row[]
  }

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = last
      .then(() => attempt(act))
      .catch((error: unknown) => Promise.reject(postgresError(error, name)))
    last = result.catch(() => undefined)
    return result
  }

  async function attempt<T>(act: () => Promise<T>): Promise<T> {
    const isNew = client === undefined
    if (isNew) await connect()
    try {
      return await act()
    } catch (error) {
      if (!isLost(error)) throw error
      const lost = client
      client = undefined
      await lost?.end().catch(() => undefined)
      if (isNew) throw error
      return attempt(act)
    }
  }

  const session: Session = {
    name,
    query,
    inTurn,
    transaction: (act) =>
      inTurn(async () => {
        await query('BEGIN')
        try {
          const result = await act()
          await query('COMMIT')
          return result
        } catch (error) {
          if (!isLost(error)) await query('ROLLBACK')
          throw error
        }
      }),
    async close() {
      await last
      const open = client
      client = undefined
      await open?.end().catch(() => undefined)
    },
  }
  await inTurn(async () => undefined)
  return session
}

class ConnectionLost extends Error {
  override readonly message = 'the connection was lost'
}

/** Whether an error says that the connection is gone, and not that the server refused. */
function isLost(error: unknown): boolean {
  if (error instanceof LoricaError) return false
  const { code, message } = error as { code?: string; message: string }
  if (error instanceof ConnectionLost) return true
  if (code === undefined) return /terminated|not queryable|timeout/i.test(message)
  return /^(08|57P0|25P03)/.test(code) || /^E[A-Z]+$/.test(code)
}

/** An error of PostgreSQL as a coded one: a full disk is LRC-5005, damage LRC-5006, everything else LRC-5009. */
function postgresError(cause: unknown, name: string): LoricaError {
  if (cause instanceof LoricaError) return cause
  const { code = '', message } = cause as { code?: string; message: string }
  const text = `${name}: ${message || code}`
  if (code === '53100') return new LoricaError('LRC-5005', text, { cause })
  if (code.startsWith('XX00')) return new LoricaError('LRC-5006', text, { cause })
  return new LoricaError('LRC-5009', text, { cause })
}

function shown(url: string): string {
  try {
    const { protocol, username, host, pathname } = new URL(url)
    return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
  } catch {
    throw new LoricaError('LRC-8001', `--store expected postgres://HOST/DATABASE, got "${url.slice(0, 20)}…"`)
  }
}
