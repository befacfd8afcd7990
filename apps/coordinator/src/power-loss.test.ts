/**
 * A round is aggregated and committed on a machine whose power fails at each of its writes in turn.
 * @module
 */
import { cp, mkdir, mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Manner, startAgent } from './agent.fixture.js'
import { type Fleet, startFleet } from './fleet.fixture.js'
import type { Host } from './host.js'
import { answer } from './records/answer.js'

/** A machine whose power fails at write number `failsAt`: from then on nothing is written, and what was not flushed is gone. */
function failing(
  host: Host,
  failsAt: number,
): { readonly host: Host; lose(): Promise<void>; writes(): number } {
  let writes = 0
  const sizes = new Map<string, { flushed: number; written: number }>()
  const names: { readonly folder: string; undo(): Promise<void> }[] = []
  const { disk } = host
  const step = async <T>(act: () => Promise<T>): Promise<T> => {
    if (++writes >= failsAt) throw new Error('the power is gone')
    return act()
  }
  const failingDisk: Host['disk'] = {
    ...disk,
    write: (path, from, mode) =>
      step(async () => {
        const before = from === 'end' ? ((await disk.sizeOf(path)) ?? 0) : 0
        const file = await disk.write(path, from, mode)
        sizes.set(path, { flushed: before, written: before })
        if (from === 'new') names.push({ folder: dirname(path), undo: () => disk.remove(path) })
        const size = sizes.get(path)!
        return {
          append: (bytes) =>
            step(async () => {
              await file.append(bytes)
              size.written += bytes.byteLength
            }),
          flush: () =>
            step(async () => {
              await file.flush()
              size.flushed = size.written
            }),
          close: file.close,
        }
      }),
    rename: (from, to) =>
      step(async () => {
        const isNew = (await disk.sizeOf(to)) === undefined && (await disk.list(to)).length === 0
        await disk.rename(from, to)
        const size = sizes.get(from)
        if (size !== undefined) sizes.set(to, size)
        sizes.delete(from)
        if (isNew) names.push({ folder: dirname(to), undo: () => disk.rename(to, from) })
      }),
    remove: (path) => step(() => disk.remove(path)),
    flushFolder: (path) =>
      step(async () => {
        await disk.flushFolder(path)
        for (const [index, { folder }] of [...names.entries()].toReversed())
          if (folder === path) names.splice(index, 1)
      }),
  }
  return {
    writes: () => writes,
    host: {
      ...host,
      disk: failingDisk,
      claim: (leaseMs) => ({ ...host.claim(leaseMs), startedAt: 'before the power failed' }),
      async openStore(dir, url) {
        const store = await host.openStore(dir, url)
        return { ...store, append: (epoch, lines) => step(() => store.append(epoch, lines)) }
      },
    },
    async lose() {
      for (const [path, { flushed, written }] of sizes)
        if (flushed < written) await truncate(path, flushed).catch(() => undefined)
      for (const { undo } of names.toReversed()) await undo().catch(() => undefined)
    },
  }
}

let folder = ''
let runId = ''
/** A folder whose round has all of its updates, and whose coordinator stopped then. */
const ready = () => join(folder, 'ready')
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-power-'))
  await mkdir(ready())
  let isOver = false
  const stops = (host: Host): Host => ({
    ...host,
    async openStore(dir, url) {
      const store = await host.openStore(dir, url)
      return {
        ...store,
        async append(epoch, lines) {
          const end = lines.findIndex(({ line }) => line.includes('"type":"round-closed"'))
          if (end > 0) await store.append(epoch, lines.slice(0, end)) // the last update may be in the same batch
          if (end >= 0) isOver = true
          if (isOver) throw new Error('stopped')
          await store.append(epoch, lines)
        },
      }
    },
  })
  const fleet = await startFleet(ready(), {}, stops)
  const sends = (delta: number, tokens: number): Manner => ({
    train: async (agent, assignment) =>
      void (await agent.upload(assignment, delta, tokens).catch(() => undefined)), // the last gets no receipt
  })
  await startAgent(fleet, 'oslo', sends(4, 60))
  await startAgent(fleet, 'turin', sends(8, 20))
  runId = await fleet.startRun({ evaluate: { holdout: 0 } })
  while (!isOver) await new Promise((resolve) => setTimeout(resolve, 10))
  await fleet.coordinator().close()
}, 30_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function ended(fleet: Fleet): Promise<RunView> {
  await fleet.event(runId, 'run-ended')
  return fleet.run(runId)
}

test('whatever write the power fails at, the next start makes the same release, whole', async () => {
  const copyOf = async (name: string) => {
    const copy = join(folder, name)
    await cp(ready(), copy, { recursive: true })
    return copy
  }
  await using whole = await startFleet(await copyOf('whole'))
  const { adapterSha256 } = await ended(whole)
  expect(adapterSha256).toMatch(/^[0-9a-f]{64}$/)
  let failures = 0
  for (let failsAt = 1; ; failsAt += 2) {
    const copy = await copyOf(`at-${failsAt}`)
    let power: ReturnType<typeof failing> | undefined
    const first = await startFleet(copy, {}, (host) => {
      power = failing(host, failsAt)
      return power.host
    }).catch(() => undefined) // it failed before it listened
    if (first !== undefined) {
      await Promise.race([ended(first).catch(() => undefined), powerGone(power!, failsAt)])
      await first
        .coordinator()
        .close()
        .catch(() => undefined)
    }
    const isPast = power!.writes() < failsAt
    await power!.lose()
    await using second = await startFleet(copy)
    const view = await ended(second)
    expect([failsAt, view.state, view.release, view.adapterSha256]).toEqual([
      failsAt,
      'succeeded',
      'v1',
      adapterSha256,
    ])
    const dir = join(copy, 'coordinator')
    const report = await answer({ verb: 'store-verify', dir, store: null })
    expect(report.isGood, `write ${failsAt}: ${report.lines.join('; ')}`).toBe(true)
    const manifest = await readFile(join(dir, 'releases', 'v1', 'manifest.json'), 'utf8')
    expect(JSON.parse(manifest)).toMatchObject({ version: 1, round: 1 })
    if (isPast) break
    failures++
  }
  expect(failures).toBeGreaterThan(7)
}, 120_000)

async function powerGone(power: { writes(): number }, failsAt: number): Promise<void> {
  while (power.writes() < failsAt) await new Promise((resolve) => setTimeout(resolve, 5))
}
