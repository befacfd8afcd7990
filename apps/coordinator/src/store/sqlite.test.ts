import { copyFile, mkdtemp, open, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoricaError } from '@lorica/protocol'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Claim } from './claim.js'
import { sqliteMigrations } from './schema.js'
import { openSqlite } from './sqlite.js'
import type { Store, StoredLine } from './store.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-sqlite-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const claim: Claim = { host: 'oslo', processId: 7, startedAt: 'x', leaseMs: 1000 }
const world = { isRunning: () => false }
const lines = (count: number): readonly StoredLine[] =>
  Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    line: `{"n":${index},"x":"${'é'.repeat(400)}"}`,
  }))

async function linesOf(store: Store): Promise<readonly StoredLine[]> {
  const found: StoredLine[] = []
  for await (const some of store.read(0)) found.push(...some)
  return found
}

/** What opening a store comes to: its lines, or the code that it is refused with. */
async function outcome(path: string): Promise<readonly StoredLine[] | string> {
  let store: Store | undefined
  try {
    store = await openSqlite(path, world)
    const faults = await store.verify()
    return faults.length > 0 ? 'LRC-5006' : await linesOf(store)
  } catch (error) {
    return (error as LoricaError).code
  } finally {
    await store?.close().catch(() => undefined)
  }
}

describe('a database with a damaged page', () => {
  const PAGE = 4096

  /** Flips bits of each page of `part` in a copy of the store, and returns what came of it. */
  async function damage(source: string, part: '' | '-wal') {
    const { size } = await stat(`${source}${part}`)
    const outcomes: (readonly StoredLine[] | string)[] = []
    for (let at = 100; at < size; at += PAGE) {
      const path = join(folder, `damaged${part}-${at}.db`)
      for (const name of ['', '-wal', '-head'])
        await copyFile(`${source}${name}`, `${path}${name}`).catch(() => undefined)
      const file = await open(`${path}${part}`, 'r+')
      const bytes = Buffer.alloc(64)
      await file.read(bytes, 0, bytes.length, at)
      await file.write(
        bytes.map((byte) => byte ^ 0x5a),
        0,
        bytes.length,
        at,
      )
      await file.close()
      outcomes.push(await outcome(path))
    }
    return outcomes
  }

  test('is refused, or has every line: none is ever lost without a word', async () => {
    const source = join(folder, 'whole.db')
    const store = await openSqlite(source, world)
    const epoch = await store.lead(claim)
    for (const line of lines(40)) await store.append(epoch, [line])
    const log = join(folder, 'log.db') // while it is open, its newest pages are in the log only
    for (const name of ['', '-wal', '-head']) await copyFile(`${source}${name}`, `${log}${name}`)
    await store.close()

    for (const outcomes of [await damage(source, ''), await damage(log, '-wal')]) {
      expect(outcomes.length).toBeGreaterThan(10)
      for (const found of outcomes) if (typeof found !== 'string') expect(found).toEqual(lines(40))
      expect(outcomes).toContain('LRC-5006')
    }
  })

  test('a log that was cut, a file that is gone and one that is no database are refused', async () => {
    const source = join(folder, 'cut.db')
    const store = await openSqlite(source, world)
    const epoch = await store.lead(claim)
    await store.append(epoch, lines(3))
    const path = join(folder, 'cut-copy.db')
    for (const name of ['', '-wal', '-head']) await copyFile(`${source}${name}`, `${path}${name}`)
    await truncate(`${path}-wal`, 0)
    expect(await outcome(path)).toBe('LRC-5006')
    await store.close()
    for (const name of ['', '-wal', '-shm']) await rm(`${path}${name}`, { force: true })
    expect(await outcome(path)).toBe('LRC-5006')
    await copyFile(import.meta.filename, path)
    expect(await outcome(path)).toBe('LRC-5006')
  })
})

describe('the schema', () => {
  test.each(sqliteMigrations.map((_, version) => version + 1))(
    'version %i becomes the newest and keeps its lines',
    async (version) => {
      const path = join(folder, `version-${version}.db`)
      const older = await openSqlite(path, { ...world, migrations: sqliteMigrations.slice(0, version) })
      await older.append(await older.lead(claim), lines(5))
      await older.close()
      const newest = await openSqlite(path, world)
      await newest.append(await newest.lead(claim), lines(7).slice(5))
      expect(await linesOf(newest)).toEqual(lines(7))
      await newest.close()
    },
  )

  test('a migration is taken as a whole with the lead, and the version before still leads until then', async () => {
    const path = join(folder, 'forward.db')
    const before = await openSqlite(path, world)
    const epoch = await before.lead(claim)
    await before.append(epoch, lines(4))
    const next = [...sqliteMigrations, ["ALTER TABLE journal ADD COLUMN origin TEXT NOT NULL DEFAULT 'here'"]]
    const held = await openSqlite(path, { migrations: next, isRunning: () => true })
    await expect(held.lead(claim)).rejects.toMatchObject({ code: 'LRC-5003' })
    await before.append(epoch, lines(5).slice(4))
    const broken = await openSqlite(path, { ...world, migrations: [...next, ['CREATE nonsense']] })
    await expect(broken.lead(claim)).rejects.toMatchObject({ code: 'LRC-5004' })
    await before.append(epoch, lines(6).slice(5))
    const after = await openSqlite(path, { ...world, migrations: next })
    await after.lead(claim)
    expect(await linesOf(after)).toEqual(lines(6))
    for (const store of [before, held, broken, after]) await store.close()
    const raw = new Database(path)
    expect(raw.prepare('SELECT DISTINCT origin FROM journal').raw().all()).toEqual([['here']])
    raw.close()
  })

  test('a newer one is refused, and nothing is changed', async () => {
    const path = join(folder, 'newer.db')
    const newer = await openSqlite(path, {
      ...world,
      migrations: [...sqliteMigrations, ['CREATE TABLE later (x TEXT)']],
    })
    await newer.lead(claim)
    await newer.close()
    const before = await readFile(path)
    const store = await openSqlite(path, world)
    await expect(store.lead(claim)).rejects.toMatchObject({ code: 'LRC-5007' })
    await expect(store.verify()).rejects.toMatchObject({ code: 'LRC-5007' })
    await store.close()
    expect(await readFile(path)).toEqual(before)
  })
})
