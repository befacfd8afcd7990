/**
 * What every store promises, held against each driver.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoricaError } from '@lorica/protocol'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../postgres.fixture.js'
import type { Claim } from './claim.js'
import { createShelf, openMemory } from './memory.js'
import { openPostgres } from './postgres.js'
import { openSqlite } from './sqlite.js'
import type { Store, StoredLine } from './store.js'

/** One store that is opened several times, as coordinators come and go; time is what the test says. */
interface Bench {
  open(): Promise<Store>
  passes(ms: number): void
  /** A claim of a process that runs. */
  claim(): Claim
  /** A claim of a process that has ended. */
  deadClaim(): Claim
  remove(): Promise<void>
}

const server = await startPostgres()
afterAll(() => (typeof server === 'string' ? undefined : server[Symbol.asyncDispose]()))
if (typeof server === 'string') console.error(`skipped for PostgreSQL: ${server}`)

const drivers: readonly (readonly [string, () => Promise<Bench>])[] = [
  ['memory', memoryBench],
  ['SQLite', sqliteBench],
  ...(typeof server === 'string' ? [] : [['PostgreSQL', () => postgresBench(server)] as const]),
]

let nowMs = 1_700_000_000_000
const leaseMs = 5000
const running: Claim = { host: 'oslo boot-1 ns', processId: process.pid, startedAt: 'x', leaseMs }
const isAlive = ({ startedAt }: Claim) => startedAt !== 'ended'

async function memoryBench(): Promise<Bench> {
  const shelf = createShelf()
  return benchOf(
    async () => openMemory(shelf, { now: () => nowMs, isRunning: isAlive }),
    async () => undefined,
  )
}

async function sqliteBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-sqlite-'))
  return benchOf(
    () => openSqlite(join(folder, 'store.db'), { now: () => nowMs, isRunning: isAlive }),
    () => rm(folder, { recursive: true }),
  )
}

async function postgresBench(postgres: Postgres): Promise<Bench> {
  const url = await postgres.database()
  return benchOf(
    () => openPostgres(url, { now: () => nowMs, isRunning: isAlive }),
    async () => undefined,
  )
}

function benchOf(openOne: () => Promise<Store>, remove: () => Promise<void>): Bench {
  const opened: Store[] = []
  return {
    async open() {
      const store = await openOne()
      opened.push(store)
      return store
    },
    passes(ms) {
      nowMs += ms
    },
    claim: () => running,
    deadClaim: () => ({ ...running, startedAt: 'ended' }),
    async remove() {
      for (const store of opened) await store.close()
      await remove()
    },
  }
}

const line = (seq: number, text = `line ${seq}`): StoredLine => ({ seq, line: `{"é":"${text}"}` })
const linesOf = async (store: Store, after = 0) => {
  const found: StoredLine[] = []
  for await (const lines of store.read(after)) found.push(...lines)
  return found
}
const codeOf = (act: Promise<unknown>) =>
  act.then(
    () => 'passes',
    (error: LoricaError) => error.code,
  )

describe.each(drivers)('%s', (_name, make) => {
  let bench: Bench | undefined
  const fresh = async () => {
    bench = await make()
    return bench
  }
  afterEach(() => bench?.remove())

  test('lines are read back in order by whoever opens it next, from any place on', async () => {
    const { open, claim } = await fresh()
    const first = await open()
    expect([await linesOf(first), await first.id()]).toEqual([[], null])
    const epoch = await first.lead(claim())
    await first.append(epoch, [line(1), line(2)])
    await first.append(epoch, [line(3)])
    await first.release(epoch)
    const second = await open()
    expect(await linesOf(second)).toEqual([line(1), line(2), line(3)])
    expect(await linesOf(second, 2)).toEqual([line(3)])
    expect(await second.id()).toBe(await first.id())
    expect(await second.id()).toMatch(/^[0-9a-f]{24}$/)
    expect(await second.verify()).toEqual([])
  })

  test('more lines than one reading takes are read whole', async () => {
    const { open, claim } = await fresh()
    const store = await open()
    const epoch = await store.lead(claim())
    const lines = Array.from({ length: 1234 }, (_, index) => line(index + 1))
    await store.append(epoch, lines)
    expect(await linesOf(store)).toEqual(lines)
  })

  test('a write that is repeated counts once, also when it was done in part', async () => {
    const { open, claim } = await fresh()
    const store = await open()
    const epoch = await store.lead(claim())
    await store.append(epoch, [line(1), line(2)])
    await store.append(epoch, [line(1), line(2)])
    await store.append(epoch, [line(2), line(3)])
    expect(await linesOf(store)).toEqual([line(1), line(2), line(3)])
  })

  test('a hole, and another text in the place of a line, are refused whole', async () => {
    const { open, claim } = await fresh()
    const store = await open()
    const epoch = await store.lead(claim())
    await store.append(epoch, [line(1), line(2)])
    expect(await codeOf(store.append(epoch, [line(4)]))).toBe('LRC-5001')
    expect(await codeOf(store.append(epoch, [line(2, 'other'), line(3)]))).toBe('LRC-5001')
    expect(await linesOf(store)).toEqual([line(1), line(2)])
  })

  test('a second coordinator is refused while the first renews its lease', async () => {
    const { open, claim, passes } = await fresh()
    const [first, second] = [await open(), await open()]
    const epoch = await first.lead(claim())
    for (let renewal = 0; renewal < 3; renewal++) {
      passes(4000)
      expect(await codeOf(second.lead(claim()))).toBe('LRC-5003')
      await first.renew(epoch)
    }
    await first.append(epoch, [line(1)])
    expect(await linesOf(second)).toEqual([line(1)])
  })

  test('a coordinator whose lease ran out is replaced, and fenced in everything it writes', async () => {
    const { open, claim, passes } = await fresh()
    const [first, second] = [await open(), await open()]
    const epoch = await first.lead(claim())
    await first.append(epoch, [line(1)])
    passes(leaseMs)
    const later = await second.lead(claim())
    expect(later).toBeGreaterThan(epoch)
    await second.append(later, [line(2)])
    expect(await codeOf(first.append(epoch, [line(2, 'mine')]))).toBe('LRC-5008')
    expect(await codeOf(first.append(epoch, [line(3)]))).toBe('LRC-5008')
    expect(await codeOf(first.renew(epoch))).toBe('LRC-5008')
    await first.release(epoch)
    expect(await codeOf(first.lead(claim()))).toBe('LRC-5003') // the lead was not its own to give up
    expect(await linesOf(first)).toEqual([line(1), line(2)])
  })

  test('a lease that ran out goes on when nobody took the lead', async () => {
    const { open, claim, passes } = await fresh()
    const store = await open()
    const epoch = await store.lead(claim())
    passes(20 * leaseMs)
    await store.append(epoch, [line(1)])
    await store.renew(epoch)
    expect(await codeOf((await open()).lead(claim()))).toBe('LRC-5003')
  })

  test('a coordinator whose process has ended, or that gave up the lead, is replaced at once', async () => {
    const { open, claim, deadClaim } = await fresh()
    const epochs = []
    for (const each of [deadClaim(), deadClaim(), claim()]) epochs.push(await (await open()).lead(each))
    const store = await open()
    expect(await codeOf(store.lead(claim()))).toBe('LRC-5003')
    await store.release(epochs.at(-1) as number)
    epochs.push(await store.lead(claim()))
    expect(epochs.toSorted((a, b) => a - b)).toEqual(epochs)
    expect(new Set(epochs).size).toBe(4)
  })

  test('nothing is written without the lead', async () => {
    const { open } = await fresh()
    const store = await open()
    expect(await codeOf(store.append(1, [line(1)]))).not.toBe('passes')
    expect(await linesOf(store)).toEqual([])
  })
})
