/**
 * Two coordinators on one store, as processes.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterAll, expect, test } from 'vitest'
import { startPostgres } from './postgres.fixture.js'
import { answer } from './records/answer.js'

const LEASE_MS = 2000

/** A process of a coordinator. */
interface Process extends Disposable {
  readonly child: ChildProcess
  /** What it printed: one line of JSON when it is ready, or why it cannot start. */
  readonly printed: Promise<{ url?: string; adminToken?: string; error?: { code: string } }>
  readonly exited: Promise<{ status: number | null; stderr: string }>
}

function start(dir: string, store: string | null): Process {
  const main = join(import.meta.dirname, '..', 'bin', 'lorica-coordinator.js')
  const lease = ['--store-lease-ms', String(LEASE_MS)]
  const args = [
    main,
    '--dir',
    dir,
    '--port',
    '0',
    '--json',
    ...lease,
    ...(store === null ? [] : ['--store', store]),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stderr.on('data', (part: Buffer) => {
    stderr += part.toString('utf8')
  })
  const printed = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (part: Buffer) => {
      stdout += part.toString('utf8')
      if (stdout.includes('\n')) resolve(stdout)
    })
    child.once('close', () => reject(new Error(stderr)))
  })
  return {
    child,
    printed: printed.then((line) => JSON.parse(line)),
    exited: once(child, 'close').then(([status]) => ({ status, stderr })),
    [Symbol.dispose]() {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
    },
  }
}

async function invite({ url, adminToken }: { url?: string; adminToken?: string }): Promise<number> {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }
  const response = await fetch(`${url}/api/v1/agents/invite`, { method: 'POST', headers, body: '{}' })
  return response.status
}

const postgres = await startPostgres()
afterAll(() => (typeof postgres === 'string' ? undefined : postgres[Symbol.asyncDispose]()))

/** A folder, and the store that its coordinators work on. */
async function placeOn(kind: string) {
  const dir = await mkdtemp(join(tmpdir(), 'lorica-fencing-'))
  return {
    dir,
    store: kind === 'PostgreSQL' && typeof postgres !== 'string' ? await postgres.database() : null,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

/** Stops a process, at a moment when it does not hold the lock of its SQLite file: one that does cannot be replaced, and says so. */
async function pauseBetweenWrites(child: ChildProcess, file: string | null): Promise<void> {
  for (;;) {
    child.kill('SIGSTOP')
    if (file === null || isFree(file)) return
    child.kill('SIGCONT')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isFree(file: string): boolean {
  const database = new Database(file, { timeout: 100 })
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK')
    return true
  } catch {
    return false
  } finally {
    database.close()
  }
}

const kinds = ['SQLite', ...(typeof postgres === 'string' ? [] : ['PostgreSQL'])]

test.each(kinds)(
  'one that was paused is replaced; when it wakes up it acknowledges nothing and ends (%s)',
  async (kind) => {
    await using place = await placeOn(kind)
    using first = start(place.dir, place.store)
    const before = await first.printed
    expect(await invite(before)).toBe(200)
    await pauseBetweenWrites(first.child, kind === 'SQLite' ? join(place.dir, 'store.db') : null)
    const asked = invite(before).catch(() => 'no answer')
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 100))
    using second = start(place.dir, place.store)
    const after = await second.printed
    expect(after.error).toBeUndefined()
    first.child.kill('SIGCONT')
    expect(await asked).not.toBe(200)
    const { status, stderr } = await first.exited
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/LRC-5008: .*another coordinator took the lead/),
    ])
    expect(await invite(after)).toBe(200)
    if (kind === 'PostgreSQL') return
    const { document } = await answer({ verb: 'audit-tail', dir: place.dir, store: null, lines: 100 })
    const { entries } = document as { entries: readonly { event: { type: string; epoch?: number } }[] }
    const types = entries.map(({ event }) => event.type)
    // each start issues a link, and so did two of the three who asked
    expect(types.filter((type) => type === 'token-issued')).toHaveLength(4)
    expect(entries.flatMap(({ event }) => event.epoch ?? [])).toEqual([1, 2])
  },
)

test('a second one refuses; after kill -9 of the first the next starts at once', async () => {
  await using place = await placeOn('SQLite')
  using first = start(place.dir, place.store)
  await first.printed
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS)) // it renews its lease
  using second = start(place.dir, place.store)
  expect((await second.printed).error?.code).toBe('LRC-5003')
  expect((await second.exited).status).toBe(1)
  first.child.kill('SIGKILL')
  await first.exited
  using third = start(place.dir, place.store)
  expect((await third.printed).url).toMatch(/^http:/)
})
