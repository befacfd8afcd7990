import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../postgres.fixture.js'
import type { Claim } from './claim.js'
import { openPostgres } from './postgres.js'
import { postgresMigrations } from './schema.js'
import type { Store, StoredLine } from './store.js'

const server = await startPostgres()
afterAll(() => (typeof server === 'string' ? undefined : server[Symbol.asyncDispose]()))

const here: Claim = { host: 'oslo boot ns', processId: 7, startedAt: 'x', leaseMs: 60_000 }
const elsewhere: Claim = { ...here, host: 'turin boot ns' }
const world = { isRunning: () => true }
const line = (seq: number): StoredLine => ({ seq, line: `{"n":${seq}}` })
const linesOf = async (store: Store) => {
  const found: StoredLine[] = []
  for await (const some of store.read(0)) found.push(...some)
  return found
}

test('a server that is not there is a refusal that names it without its password', async () => {
  const opened = openPostgres('postgres://lorica:secret@127.0.0.1:9/fleet')
  await expect(opened).rejects.toMatchObject({
    code: 'LRC-5009',
    message: expect.not.stringContaining('secret'),
  })
  await expect(openPostgres('nonsense')).rejects.toMatchObject({ code: 'LRC-8001' })
})

describe.skipIf(typeof server === 'string')('sessions of PostgreSQL', () => {
  const postgres = server as Postgres
  const cut = (url: string) =>
    postgres.sql(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'lorica' AND datname = current_database()`,
    )

  test('a session that was cut is made again, keeps the lead, and writes each line once', async () => {
    const url = await postgres.database()
    const store = await openPostgres(url, world)
    const epoch = await store.lead(here)
    await store.append(epoch, [line(1)])
    await cut(url)
    await store.append(epoch, [line(1), line(2)])
    await cut(url)
    await store.renew(epoch)
    const other = await openPostgres(url, world)
    await expect(other.lead(elsewhere)).rejects.toMatchObject({ code: 'LRC-5003' })
    expect(await linesOf(other)).toEqual([line(1), line(2)])
    for (const each of [store, other]) await each.close()
  })

  test('a coordinator of another machine whose session has ended is replaced before its lease runs out', async () => {
    const url = await postgres.database()
    const store = await openPostgres(url, world)
    const epoch = await store.lead(here)
    const other = await openPostgres(url, world)
    await expect(other.lead(elsewhere)).rejects.toMatchObject({ code: 'LRC-5003' })
    await store.close() // as a process that was killed: the lead was not given up
    expect(await other.lead(elsewhere)).toBe(epoch + 1)
    await other.close()
  })

  test('one that stopped within a transaction holds nobody up once its lease ran out', async () => {
    const url = await postgres.database()
    let nowMs = 1_700_000_000_000
    const store = await openPostgres(url, { ...world, now: () => nowMs })
    const epoch = await store.lead(here)
    await store.close()
    const stopped = new pg.Client({ connectionString: url }) // as the session of a process that is stopped
    stopped.on('error', () => undefined) // it is ended from the other side
    await stopped.connect()
    await stopped.query('SELECT pg_advisory_lock(1819242083, hashtext(current_schema()))')
    await stopped.query('BEGIN')
    await stopped.query('SELECT * FROM lorica_leader FOR UPDATE')
    const other = await openPostgres(url, { ...world, now: () => nowMs })
    await expect(other.lead(elsewhere)).rejects.toMatchObject({ code: 'LRC-5003' })
    nowMs += here.leaseMs
    expect(await other.lead(elsewhere)).toBe(epoch + 1)
    await other.close()
  })

  test('each earlier schema becomes the newest, and a newer one is refused', async () => {
    const next = [...postgresMigrations, ["ALTER TABLE lorica_journal ADD COLUMN origin text DEFAULT 'here'"]]
    const url = await postgres.database()
    for (const [index, migrations] of [postgresMigrations, next].entries()) {
      const store = await openPostgres(url, { isRunning: () => false, migrations })
      await store.append(await store.lead(here), [line(index + 1)])
      expect(await linesOf(store)).toEqual([line(1), line(2)].slice(0, index + 1))
      await store.close()
    }
    const older = await openPostgres(url, world)
    await expect(older.lead(here)).rejects.toMatchObject({ code: 'LRC-5007' })
    await older.close()
  })
})
