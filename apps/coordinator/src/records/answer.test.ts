import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { LoricaError } from '@lorica/protocol'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'
import { answer } from './answer.js'
import type { StoreReport } from './verify.js'

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
const verified = async () =>
  (await answer({ verb: 'store-verify', dir: dir(), store: null })).document as StoreReport

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
  return answer({ verb: 'audit-verify', dir: copy, store: null, contains })
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
    const { lines } = await answer({ verb: 'audit-tail', dir: dir(), store: null, lines: 2 })
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(/run-ended {2}reason=all rounds are committed runId=tone-1 state=succeeded/)
  })

  test('a changed line breaks the chain, and a chain that was cut lacks the hash that was noted', async () => {
    const whole = await answer({ verb: 'audit-verify', dir: dir(), store: null, contains: undefined })
    const { hash, lines } = whole.document as { hash: string; lines: number }
    const verify = () => answer({ verb: 'audit-verify', dir: dir(), store: null, contains: hash })
    expect((await verify()).document).toEqual({ hash, lines })
    const forged = `UPDATE journal SET line = replace(line, '"name":"oslo"', '"name":"bern"')`
    await expect(withForgery(forged, hash)).rejects.toMatchObject({ code: 'LRC-5001' })
    const cut = 'DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)'
    await expect(withForgery(cut, hash)).rejects.toThrow('no longer has the line')
  })
})

describe('store backup and restore', () => {
  const backup = async (out: string) =>
    answer({ verb: 'store-backup', dir: dir(), store: null, out: join(folder, out) })
  const restoreTo = (place: string, from: string) =>
    answer({ verb: 'store-restore', dir: join(folder, place), store: null, from: join(folder, from) })

  test('a restored folder verifies, has the same chain, and its coordinator goes on', async () => {
    const chain = async (place: string) =>
      (await answer({ verb: 'audit-verify', dir: place, store: null, contains: undefined })).document
    const { document } = await backup('b1')
    expect(document).toMatchObject(await chain(dir()).then((end) => end as object))
    expect(await chain(join(folder, 'b1'))).toEqual(await chain(dir()))
    expect((await answer({ verb: 'store-verify', dir: join(folder, 'b1'), store: null })).isGood).toBe(true)
    await restoreTo('again/coordinator', 'b1')
    const restored = join(folder, 'again', 'coordinator')
    expect(await chain(restored)).toEqual(await chain(dir()))
    const report = (await answer({ verb: 'store-verify', dir: restored, store: null }))
      .document as StoreReport
    expect([report.faults, report.checked]).toEqual([[], (await verified()).checked])
    await using fleet = await startFleet(join(folder, 'again'))
    const { body } = await fleet.api('GET', '/api/v1/releases')
    expect((body as { releases: readonly { name: string }[] }).releases.map(({ name }) => name)).toEqual([
      'v1',
      'v2',
    ])
  })

  test('a backup with a changed, missing or added-to file, one that was interrupted and one of a later version are refused before anything is written', async () => {
    await backup('b2')
    const from = join(folder, 'b2')
    const manifest = JSON.parse(await readFile(join(from, 'backup.json'), 'utf8'))
    const paths = (manifest.files as readonly { path: string }[]).map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['journal.jsonl', 'identity.json', 'admin-token']))
    const refused = () =>
      restoreTo('never', 'b2').then(
        () => 'restored',
        (error: LoricaError) => error.code,
      )
    for (const path of [
      'journal.jsonl',
      'identity.json',
      paths.find((one) => one.startsWith('blobs')) as string,
    ]) {
      expect(await withChange(join(from, path), flipped, refused), path).toBe('LRC-5010')
      expect(await withChange(join(from, path), () => undefined, refused), path).toBe('LRC-5010')
    }
    expect(await withChange(join(from, 'backup.json'), () => undefined, refused)).toBe('LRC-5010')
    const newer = (bytes: Buffer) => Buffer.from(bytes.toString().replace('"version": 1', '"version": 2'))
    expect(await withChange(join(from, 'backup.json'), newer, refused)).toBe('LRC-5007')
    expect(await readdir(folder)).not.toContain('never')
    await expect(restoreTo('coordinator', 'b2')).rejects.toMatchObject({ code: 'LRC-5004' })
    await expect(backup('b2')).rejects.toMatchObject({ code: 'LRC-8003' })
  })

  test('a file that is damaged is not backed up as if it were whole', async () => {
    const place = join(dir(), 'updates', 'tone-1', '2')
    const [name] = (await readdir(place)) as [string]
    const interrupted = () =>
      backup('b3').then(
        () => 'made',
        (error: LoricaError) => error.code,
      )
    expect(await withChange(join(place, name), flipped, interrupted)).toBe('LRC-5002')
    expect(await readdir(folder)).toContain('b3.unfinished')
    await backup('b3')
    expect(await readdir(folder)).not.toContain('b3.unfinished')
  })
})

describe('store gc', () => {
  interface Swept {
    readonly removed: boolean
    readonly files: readonly { path: string; why: string }[]
    readonly runs: readonly string[]
  }
  /** A copy of the folder with things in it that nothing speaks of. */
  async function littered(): Promise<string> {
    const copy = join(await mkdtemp(join(folder, 'gc-')), 'coordinator')
    await cp(dir(), copy, { recursive: true })
    for (const path of litter) {
      await mkdir(dirname(join(copy, path)), { recursive: true })
      await writeFile(join(copy, path), 'litter')
    }
    return copy
  }
  const orphan = 'cd'.repeat(32)
  const litter = [
    join('blobs', 'cd', orphan),
    join('releases', 'v3.0123456789abcdef', 'manifest.json'),
    join('staging', `${'ab'.repeat(12)}-0123.part`),
    join('updates', 'tone-1', '1', `${orphan}.safetensors`),
    join('updates', 'tone-1', '1', 'x.012345.tmp'),
  ]
  const gc = async (place: string, isConfirmed: boolean, olderThanMs: number | null = null) =>
    (await answer({ verb: 'store-gc', dir: place, store: null, isConfirmed, olderThanMs })).document as Swept

  test('what nothing refers to is named, then removed, and nothing else', async () => {
    const copy = await littered()
    const before = await readdir(copy, { recursive: true })
    const dry = await gc(copy, false)
    expect(dry.files.map(({ path }) => path)).toEqual(litter)
    expect((await readdir(copy, { recursive: true })).toSorted()).toEqual(before.toSorted())
    expect((await gc(copy, true)).files).toEqual(dry.files)
    expect((await gc(copy, false)).files).toEqual([])
    expect((await answer({ verb: 'store-verify', dir: copy, store: null })).isGood).toBe(true)
    const kept = await readdir(copy, { recursive: true })
    for (const path of before) if (!litter.includes(path)) expect(kept).toContain(path)
  })

  test('updates of ended runs go when they are old enough, and verify knows that they are gone', async () => {
    const copy = await littered()
    expect((await gc(copy, false, 3_600_000)).runs).toEqual([])
    const swept = await gc(copy, true, 1)
    expect(swept.runs).toEqual(['tone-1'])
    expect(swept.files.filter(({ why }) => why.startsWith('its run ended'))).toHaveLength(4) // 2 agents, 2 rounds
    const report = await answer({ verb: 'store-verify', dir: copy, store: null })
    expect(report.isGood, report.lines.join('\n')).toBe(true)
    const { lines } = await answer({ verb: 'audit-tail', dir: copy, store: null, lines: 1 })
    expect(lines[0]).toContain('updates-removed')
    expect((await gc(copy, true, 1)).runs).toEqual([])
  })

  test('nothing is removed while a coordinator works in the folder', async () => {
    const copy = await littered()
    await using _ = await startFleet(dirname(copy))
    await expect(gc(copy, true)).rejects.toMatchObject({ code: 'LRC-5003' })
    expect((await gc(copy, false)).files.map(({ path }) => path)).toContain(litter[0])
  })
})
