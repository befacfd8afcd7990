/**
 * The store of one machine: SQLite through libsql, write-ahead log, every commit flushed. Commits run beside the event loop.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { LoricaError } from '@lorica/protocol'
import Database from 'libsql/promise'
import { newLines } from './append-only.js'
import { type Claim, decideClaim, fenced, inUse, type Leader, isRunning as processRuns } from './claim.js'
import { faultOf, openHead } from './head.js'
import { type Migrations, missing, sqliteMigrations } from './schema.js'
import { sqliteError } from './sqlite-error.js'
import type { Store, StoredLine } from './store.js'

type Row = Readonly<Record<string, unknown>>
interface Statement {
  get(...values: readonly unknown[]): Row | undefined
  all(...values: readonly unknown[]): readonly Row[]
  run(...values: readonly unknown[]): unknown
}
interface Connection {
  exec(sql: string): Promise<void>
  prepare(sql: string): Promise<Statement>
  close(): void
  readonly inTransaction: boolean
}

const BATCH = 500
const BUSY_MS = 2000 // another process reads, or takes the lead

/** What the store of a folder asks of its surroundings, and what it makes of itself. */
interface Surroundings {
  readonly now?: () => number // milliseconds since 1970
  readonly isRunning?: (holder: Claim) => boolean
  readonly migrations?: Migrations
}

/**
 * Opens or creates the store in the file `path`. Nothing is written before `lead`. Throws LoricaError LRC-5006 when the file is damaged,
 * LRC-5004 when it cannot be opened.
 */
export async function openSqlite(
  path: string,
  { now = Date.now, isRunning = processRuns, migrations = sqliteMigrations }: Surroundings = {},
): Promise<Store> {
  const failed = (error: unknown) => sqliteError(error, path)
  let connection: Connection
  let last: Promise<unknown> = Promise.resolve()
  try {
    connection = new Database(path, { timeout: BUSY_MS }) as unknown as Connection
    await connection.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
  } catch (error) {
    throw failed(error)
  }
  let hasLed = false
  const head = openHead(`${path}-head`)

  /** One thing after the other: a transaction belongs to the connection, not to the caller. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = last.then(act).catch((error: unknown) => Promise.reject(failed(error)))
    last = result.catch(() => undefined)
    return result
  }

  function transaction<T>(act: () => Promise<T>): Promise<T> {
    return inTurn(async () => {
      await connection.exec('BEGIN IMMEDIATE')
      try {
        const result = await act()
        await connection.exec('COMMIT')
        return result
      } catch (error) {
        if (connection.inTransaction) await connection.exec('ROLLBACK')
        throw error
      }
    })
  }

  const statements = new Map<string, Promise<Statement>>()
  const prepared = (sql: string): Promise<Statement> => {
    const statement = statements.get(sql) ?? connection.prepare(sql)
    statement.catch(() => statements.delete(sql))
    statements.set(sql, statement)
    return statement
  }
  const one = async (sql: string, ...values: readonly unknown[]) => (await prepared(sql)).get(...values)
  const all = async (sql: string, ...values: readonly unknown[]) => (await prepared(sql)).all(...values)
  const run = async (sql: string, ...values: readonly unknown[]) => void (await prepared(sql)).run(...values)
  const version = async () => Number((await one('PRAGMA user_version'))?.user_version)

  async function leader(): Promise<Leader | null> {
    const row = await one('SELECT epoch, claim, expires_at_ms FROM leader')
    if (row === undefined) return null
    const claim = row.claim === null ? null : (JSON.parse(String(row.claim)) as Claim)
    return { epoch: Number(row.epoch), claim, expiresAtMs: Number(row.expires_at_ms) }
  }

  async function expectLead(epoch: number): Promise<Claim> {
    const found = await leader()
    if (found?.epoch === epoch && found.claim !== null) return found.claim
    throw fenced(path, epoch, found?.epoch)
  }

  async function migrate(from: number): Promise<void> {
    for (const sql of missing(path, from, migrations)) await connection.exec(sql)
    await connection.exec(`PRAGMA user_version = ${migrations.length}`)
    if (from === 0) await run("INSERT INTO meta VALUES ('id', ?)", randomBytes(12).toString('hex'))
  }

  async function linesFrom(seq: number, count: number): Promise<readonly StoredLine[]> {
    const rows = await all('SELECT seq, line FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?', seq, count)
    return rows.map((row) => ({ seq: Number(row.seq), line: String(row.line) }))
  }

  const lastSeq = async () => Number((await one('SELECT coalesce(max(seq), 0) AS seq FROM journal'))?.seq)
  const isEmpty = async () => (await version()) === 0

  return {
    name: path,
    id: () =>
      inTurn(async () =>
        (await isEmpty()) ? null : String((await one("SELECT value FROM meta WHERE name = 'id'"))?.value),
      ),
    async lead(claim) {
      hasLed = true
      await inTurn(() => connection.exec('PRAGMA journal_mode = WAL'))
      return transaction(async () => {
        const from = await version()
        missing(path, from, migrations)
        const found = from === 0 ? null : await leader()
        const decision = decideClaim(found, claim, { nowMs: now(), isRunning })
        if (decision === 'held' && found !== null) throw inUse(path, found)
        await migrate(from)
        const epoch = (found?.epoch ?? 0) + 1
        const values = [epoch, JSON.stringify(claim), now() + claim.leaseMs]
        await run('INSERT OR REPLACE INTO leader VALUES (1, ?, ?, ?)', ...values)
        return epoch
      })
    },
    renew: (epoch) =>
      transaction(async () => {
        const { leaseMs } = await expectLead(epoch)
        await run('UPDATE leader SET expires_at_ms = ?', now() + leaseMs)
      }),
    release: (epoch) =>
      transaction(() => run('UPDATE leader SET claim = NULL, expires_at_ms = 0 WHERE epoch = ?', epoch)),
    async *read(after) {
      if (await inTurn(isEmpty)) return
      for (let seq = after; ; ) {
        const lines = await inTurn(() => linesFrom(seq + 1, BATCH))
        if (lines.length === 0) return
        yield lines
        seq = lines.at(-1)?.seq ?? seq
      }
    },
    async append(epoch, lines) {
      await transaction(async () => {
        await expectLead(epoch)
        const present = { last: await lastSeq(), lines: await linesFrom(lines[0]?.seq ?? 1, lines.length) }
        const insert = await prepared('INSERT INTO journal VALUES (?, ?, ?)')
        for (const { seq, line } of newLines(path, lines, present)) insert.run(seq, epoch, line)
      })
      head.note(lines.at(-1))
    },
    verify: () =>
      inTurn(async () => {
        const noted = head.read()
        if (await isEmpty()) return noted === undefined ? [] : [faultOf(noted, undefined, 0) ?? '']
        missing(path, await version(), migrations)
        const found = (await all('PRAGMA integrity_check')).map((row) => String(row.integrity_check))
        const faults = found.filter((text) => text !== 'ok')
        const line = noted && (await linesFrom(noted.seq, 1)).find(({ seq }) => seq === noted.seq)
        const lost = noted && faultOf(noted, line, await lastSeq())
        return lost === undefined ? faults : [...faults, lost]
      }).catch((error: unknown) => {
        if (error instanceof LoricaError && error.code === 'LRC-5006') return [error.message]
        throw error
      }),
    close: () =>
      inTurn(async () => {
        head.close()
        if (hasLed) await connection.exec('PRAGMA wal_checkpoint(TRUNCATE)').catch(() => undefined)
        connection.close()
      }),
  }
}
