/**
 * The store of several machines: PostgreSQL. One session does everything in turn; while it leads it holds an advisory lock, whose
 * absence tells that the session has ended. What keeps writers apart is the epoch.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { newLines } from './append-only.js'
import { type Claim, decideClaim, fenced, inUse, type Leader, isRunning as processRuns } from './claim.js'
import { openSession, type Row, type Session } from './postgres-session.js'
import { type Migrations, missing, postgresMigrations } from './schema.js'
import type { Store, StoredLine } from './store.js'

/** What the store asks of its surroundings, and what it makes of itself. */
interface Surroundings {
  /** The time of the leases in milliseconds since 1970; the clock of the server unless it is given. */
  readonly now?: () => number
  readonly isRunning?: (holder: Claim) => boolean
  readonly migrations?: Migrations
}

const BATCH = 500
const LOCK = `1819242083, hashtext(current_schema())` // of one schema of one database
const HOLDER = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = 1819242083 AND objid = hashtext(current_schema())::bigint & 4294967295 AND pid <> pg_backend_pid()`

/**
 * Opens the store at a postgres:// URL, in the first schema of the search path. Nothing is written before `lead`. Throws LoricaError
 * LRC-5009 when the server cannot be reached.
 */
export async function openPostgres(
  url: string,
  { now, isRunning = processRuns, migrations = postgresMigrations }: Surroundings = {},
): Promise<Store> {
  let led: number | null = null // the epoch whose advisory lock a new session takes again
  const session = await openSession(url, async (query) => {
    if (led !== null) await query(`SELECT pg_try_advisory_lock(${LOCK})`)
  })
  const { name, query, transaction } = session

  const one = async (text: string, values: readonly unknown[] = []): Promise<Row | undefined> =>
    (await query(text, values))[0]
  const serverNow = async () =>
    now?.() ?? Number((await one('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms'))?.ms)

  async function version(): Promise<number> {
    const isThere = await one("SELECT to_regclass('lorica_meta') IS NOT NULL AS is")
    if (isThere?.is !== true) return 0
    return Number((await one("SELECT value FROM lorica_meta WHERE name = 'schema'"))?.value)
  }

  async function leader(suffix: '' | 'FOR UPDATE'): Promise<Leader | null> {
    const row = await one(`SELECT epoch, claim, expires_at_ms FROM lorica_leader ${suffix}`)
    if (row === undefined) return null
    const claim = row.claim === null ? null : (JSON.parse(String(row.claim)) as Claim)
    return { epoch: Number(row.epoch), claim, expiresAtMs: Number(row.expires_at_ms) }
  }

  async function expectLead(epoch: number): Promise<Claim> {
    const found = (await version()) === 0 ? null : await leader('FOR UPDATE')
    if (found?.epoch === epoch && found.claim !== null) return found.claim
    throw fenced(name, epoch, found?.epoch)
  }

  /** Whether a claimant may lead; on another machine an ended session tells that its process has ended. */
  async function isFree(found: Leader | null, claim: Claim): Promise<boolean> {
    const decision = decideClaim(found, claim, { nowMs: await serverNow(), isRunning })
    if (decision === 'free' || found?.claim == null) return true
    return found.claim.host !== claim.host && (await one(HOLDER)) === undefined
  }

  async function migrate(from: number): Promise<void> {
    for (const text of missing(name, from, migrations)) await query(text)
    if (from === 0)
      await query("INSERT INTO lorica_meta VALUES ('id', $1)", [randomBytes(12).toString('hex')])
    await query(
      "INSERT INTO lorica_meta VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [String(migrations.length)],
    )
  }

  async function linesFrom(seq: number, count: number): Promise<readonly StoredLine[]> {
    const text = 'SELECT seq, line FROM lorica_journal WHERE seq >= $1 ORDER BY seq LIMIT $2'
    return (await query(text, [seq, count])).map((row) => ({ seq: Number(row.seq), line: String(row.line) }))
  }

  return {
    name,
    id: () =>
      session.inTurn(async () =>
        (await version()) === 0
          ? null
          : String((await one("SELECT value FROM lorica_meta WHERE name = 'id'"))?.value),
      ),
    async lead(claim) {
      await session.inTurn(async () => {
        const from = await version()
        missing(name, from, migrations)
        const found = from === 0 ? null : await leader('')
        if (found === null) return
        if (!(await isFree(found, claim))) throw inUse(name, found)
        await endHolder(session)
      })
      const epoch = await transaction(async () => {
        await query(`SELECT pg_advisory_xact_lock(1819242084, hashtext(current_schema()))`)
        const from = await version()
        missing(name, from, migrations)
        const found = from === 0 ? null : await leader('FOR UPDATE')
        if (found !== null && !(await isFree(found, claim))) throw inUse(name, found)
        await migrate(from)
        const next = (found?.epoch ?? 0) + 1
        await query(
          `INSERT INTO lorica_leader VALUES (1, $1, $2, $3)
           ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, claim = excluded.claim, expires_at_ms = excluded.expires_at_ms`,
          [next, JSON.stringify(claim), (await serverNow()) + claim.leaseMs],
        )
        return next
      })
      led = epoch
      await session.inTurn(() => query(`SELECT pg_try_advisory_lock(${LOCK})`))
      return epoch
    },
    renew: (epoch) =>
      transaction(async () => {
        const { leaseMs } = await expectLead(epoch)
        await query('UPDATE lorica_leader SET expires_at_ms = $1', [(await serverNow()) + leaseMs])
      }),
    async release(epoch) {
      led = null
      await transaction(async () => {
        await query('UPDATE lorica_leader SET claim = NULL, expires_at_ms = 0 WHERE epoch = $1', [epoch])
        await query('SELECT pg_advisory_unlock_all()')
      })
    },
    async *read(after) {
      if ((await session.inTurn(version)) === 0) return
      for (let seq = after; ; ) {
        const lines = await session.inTurn(() => linesFrom(seq + 1, BATCH))
        if (lines.length === 0) return
        yield lines
        seq = lines.at(-1)?.seq ?? seq
      }
    },
    append: (epoch, lines) =>
      transaction(async () => {
        await expectLead(epoch)
        const last = Number((await one('SELECT coalesce(max(seq), 0) AS seq FROM lorica_journal'))?.seq)
        const first = lines[0]?.seq ?? 1
        const present = { last, lines: first > last ? [] : await linesFrom(first, lines.length) }
        const fresh = newLines(name, lines, present)
        await query(
          'INSERT INTO lorica_journal SELECT seq, $2, line FROM unnest($1::bigint[], $3::text[]) AS new (seq, line)',
          [fresh.map(({ seq }) => seq), epoch, fresh.map(({ line }) => line)],
        )
      }),
    verify: () =>
      session.inTurn(async () => {
        if ((await version()) === 0) return []
        missing(name, await version(), migrations)
        const row = await one('SELECT count(*) AS count, coalesce(max(seq), 0) AS last FROM lorica_journal')
        const faults: string[] = []
        if (row?.count !== row?.last)
          faults.push(`${row?.count} lines are there, the last is line ${row?.last}`)
        const fsync = (await one('SHOW fsync'))?.fsync
        if (fsync !== 'on')
          faults.push(`the server runs with fsync = ${fsync}: it may lose what it acknowledged`)
        return faults
      }),
    close: () => session.close(),
  }
}

/** Ends the session of a holder that is replaced: it may be stopped within a transaction, which would hold everybody up. */
async function endHolder({ query }: Session): Promise<void> {
  await query(`SELECT pg_terminate_backend(pid, 1000) FROM (${HOLDER}) AS holder`).catch(() => undefined) // not ours to end: its epoch is over anyway
}
