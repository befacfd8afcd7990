import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAgent } from './agent.fixture.js'
import { startFleet } from './fleet.fixture.js'
import { answer } from './records.js'
import type { StoreReport } from './store/verify.js'

/** The folder of a coordinator that conducted a run of two rounds, without the coordinator. */
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-records-'))
  await using fleet = await startFleet(folder)
  await startAgent(fleet, 'oslo', { delta: 4 })
  await startAgent(fleet, 'turin', { delta: 8 })
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const dir = () => join(folder, 'coordinator')
const verified = async () => (await answer({ verb: 'store-verify', dir: dir() })).document as StoreReport

/** Changes a file, looks, and puts it back. */
async function withChange<T>(
  path: string,
  change: (bytes: Buffer) => Buffer | undefined,
  look: () => Promise<T>,
) {
  const bytes = await readFile(path)
  const changed = change(Buffer.from(bytes))
  if (changed === undefined) await rm(path)
  else await writeFile(path, changed)
  try {
    return await look()
  } finally {
    await writeFile(path, bytes)
  }
}

/** Verifies a copy of the journal that somebody changed with SQL. */
async function withForgery(sql: string, contains: string) {
  const copy = await mkdtemp(join(folder, 'forged-'))
  const path = join(copy, 'store.db')
  await cp(join(dir(), 'store.db'), path)
  await cp(join(dir(), 'store.db-wal'), `${path}-wal`).catch(() => undefined)
  const database = new Database(path)
  database.exec(sql)
  database.close()
  return answer({ verb: 'audit-verify', dir: copy, contains })
}

/** The last byte with one bit flipped. */
function flipped(bytes: Buffer): Buffer {
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 4
  return bytes
}

describe('store verify', () => {
  test('a store that nobody touched has no faults', async () => {
    const { checked, faults } = await verified()
    expect(faults).toEqual([])
    expect(checked).toBeGreaterThanOrEqual(4 + 2 + 3) // updates, releases, adapters
  })

  test('a flipped bit of an update, and an update that is gone, are named', async () => {
    const place = join(dir(), 'updates', 'tone-1', '1')
    const [name] = (await readdir(place)) as [string]
    const path = join('updates', 'tone-1', '1', name)
    const bent = await withChange(join(dir(), path), flipped, verified)
    expect(bent.faults).toMatchObject([{ path, kind: 'damaged' }])
    const gone = await withChange(join(dir(), path), () => undefined, verified)
    expect(gone.faults).toMatchObject([
      { path, kind: 'missing', reason: expect.stringContaining('round 1 of tone-1') },
    ])
  })

  test('a blob and a manifest that were changed are named', async () => {
    const manifest = join('releases', 'v2', 'manifest.json')
    const text = await readFile(join(dir(), manifest), 'utf8')
    const { sha256 } = JSON.parse(text).files[0] as { sha256: string }
    const blob = join('blobs', sha256.slice(0, 2), sha256)
    expect((await withChange(join(dir(), blob), flipped, verified)).faults).toMatchObject([{ path: blob }])
    expect((await withChange(join(dir(), blob), () => undefined, verified)).faults).toContainEqual(
      expect.objectContaining({ path: blob, kind: 'missing' }),
    )
    const forged = (bytes: Buffer) => Buffer.from(bytes.toString().replace('"round":2', '"round":3'))
    const { faults } = await withChange(join(dir(), manifest), forged, verified)
    expect(faults).toMatchObject([{ path: join('releases', 'v2'), kind: 'damaged' }])
  })
})

describe('audit', () => {
  test('the tail names the last events in order', async () => {
    const { lines } = await answer({ verb: 'audit-tail', dir: dir(), lines: 2 })
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(/run-ended {2}reason=all rounds are committed runId=tone-1 state=succeeded/)
  })

  test('a changed line breaks the chain, and a chain that was cut lacks the hash that was noted', async () => {
    const whole = await answer({ verb: 'audit-verify', dir: dir(), contains: undefined })
    const { hash, lines } = whole.document as { hash: string; lines: number }
    const verify = () => answer({ verb: 'audit-verify', dir: dir(), contains: hash })
    expect((await verify()).document).toEqual({ hash, lines })
    const forged = `UPDATE journal SET line = replace(line, '"name":"oslo"', '"name":"bern"')`
    await expect(withForgery(forged, hash)).rejects.toMatchObject({ code: 'LRC-5001' })
    const cut = 'DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)'
    await expect(withForgery(cut, hash)).rejects.toThrow('no longer has the line')
  })
})
