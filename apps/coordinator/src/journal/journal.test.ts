import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../random.js'
import type { Claim } from '../store/claim.js'
import { systemDisk } from '../store/disk.js'
import { createShelf, type MemoryShelf, openMemory } from '../store/memory.js'
import { takeOverJournal } from '../store/takeover.js'
import { chainStart, linesOf, nextLine, replay } from './chain.js'
import type { JournalEvent } from './event.js'
import { openJournal, readJournal } from './journal.js'

const disk = systemDisk(systemRandom())

const at = '2026-01-02T03:04:05.678Z'
const claim: Claim = { host: 'oslo', processId: 7, startedAt: 'x', leaseMs: 1000 }
const clock = { after: () => () => undefined } // nothing is retried by itself
const full = () => new LoricaError('LRC-5005', 'no space left')

function joined(name: string): JournalEvent {
  return {
    type: 'agent-joined',
    agentId: 'a1'.repeat(16),
    name,
    labels: { site: 'oslo' },
    publicKey: 'k'.repeat(43),
    secretSha256: 'ab'.repeat(32),
    isApproved: true,
  }
}

/** A journal on a shelf whose writes wait for, and fail with, what `gate` says. */
async function opened(shelf: MemoryShelf, gate: () => Promise<void> | void = () => undefined) {
  let isOpen = false
  const beforeWrite = () => (isOpen ? gate() : undefined)
  const store = openMemory(shelf, { now: () => 0, isRunning: () => false, beforeWrite })
  const epoch = await store.lead(claim)
  const result = await openJournal(store, epoch, clock)
  isOpen = true
  return result
}

const namesOn = (shelf: MemoryShelf) =>
  replay('shelf', shelf.lines).entries.map(({ event }) => (event as { name: string }).name)

describe('openJournal', () => {
  test('what was appended is read back, and goes on from there', async () => {
    const shelf = createShelf()
    const { journal } = await opened(shelf)
    for (const name of ['oslo', 'turin']) journal.append(joined(name), at)
    await journal.flush()
    const again = await opened(shelf)
    expect(again.entries.map(({ seq, event }) => [seq, event])).toEqual([
      [1, joined('oslo')],
      [2, joined('turin')],
    ])
    expect(again.journal.append(joined('graz'), at).seq).toBe(3)
    await again.journal.close()
    expect(namesOn(shelf)).toEqual(['oslo', 'turin', 'graz'])
  })

  test('a line is safe when flush resolves and not before; overlapping flushes share a transaction', async () => {
    const shelf = createShelf()
    const waiting: (() => void)[] = []
    const { journal } = await opened(shelf, () => new Promise<void>((resolve) => waiting.push(resolve)))
    journal.append(joined('oslo'), at)
    const first = journal.flush()
    await tick()
    expect([waiting.length, journal.safeSeq()]).toEqual([1, 0])
    const rest = ['turin', 'graz', 'bern'].map((name) => {
      journal.append(joined(name), at)
      return journal.flush()
    })
    waiting[0]?.()
    await first
    expect(journal.safeSeq()).toBe(1)
    await tick()
    expect(waiting).toHaveLength(2)
    waiting[1]?.()
    await Promise.all(rest)
    await journal.flush()
    expect(waiting).toHaveLength(2)
    expect(namesOn(shelf)).toEqual(['oslo', 'turin', 'graz', 'bern'])
  })

  test('a full disk fails the flush, keeps the lines, and a later flush writes them in order', async () => {
    const shelf = createShelf()
    let isFull = false
    const { journal } = await opened(shelf, () => {
      if (isFull) throw full()
    })
    journal.append(joined('oslo'), at)
    await journal.flush()
    isFull = true
    for (const name of ['turin', 'graz']) {
      journal.append(joined(name), at)
      await expect(journal.flush()).rejects.toMatchObject({ code: 'LRC-5005' })
    }
    expect(journal.fault()?.code).toBe('LRC-5005')
    expect(namesOn(shelf)).toEqual(['oslo'])
    const isSafe = journal.safe()
    isFull = false
    journal.append(joined('bern'), at)
    await journal.flush()
    await isSafe
    expect([journal.fault(), journal.safeSeq()]).toEqual([null, 4])
    expect(namesOn(shelf)).toEqual(['oslo', 'turin', 'graz', 'bern'])
  })

  test('whoever waits for safety of its lines can be called off', async () => {
    const { journal } = await opened(createShelf(), () => Promise.reject(full()))
    journal.append(joined('oslo'), at)
    const off = new AbortController()
    const waits = journal.safe(off.signal)
    off.abort(new Error('stopping'))
    await expect(waits).rejects.toThrow('stopping')
  })

  test('after another coordinator took the lead nothing is promised or written any more', async () => {
    const shelf = createShelf()
    const { journal } = await opened(shelf)
    const other = await opened(shelf)
    journal.append(joined('oslo'), at)
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(journal.flush()).rejects.toMatchObject({ code: 'LRC-5008' })
    other.journal.append(joined('turin'), at)
    await other.journal.flush()
    expect(namesOn(shelf)).toEqual(['turin'])
  })
})

describe('the chain', () => {
  const lines = (names: readonly string[]) => {
    let end = chainStart
    return names.map((name) => {
      const next = nextLine(end, joined(name), at)
      end = next.end
      return next.line
    })
  }

  test('a changed value, a removed line, swapped lines and a repeated line are found by line', () => {
    const [a, b, c, d] = lines(['oslo', 'turin', 'graz', 'bern']) as [string, string, string, string]
    const cases: readonly (readonly [string, readonly string[], number])[] = [
      ['changed', [a, b.replace('turin', 'milan'), c, d], 2],
      ['removed', [a, c, d], 2],
      ['swapped', [a, c, b, d], 2],
      ['repeated', [a, b, c, c, d], 4],
      ['not JSON', [a, b, c.slice(1), d], 3],
      ['a field added', [a, b, c.replace('{', '{"x":2,'), d], 3],
      ['added by hand', [a, JSON.stringify({ ...joined('milan'), seq: 2, at, prev: 'f', hash: '0' })], 2],
    ]
    for (const [name, changed, line] of cases) {
      const found = () => replay('j', linesOf(`${changed.join('\n')}\n`))
      expect(found, name).toThrow(expect.objectContaining({ code: 'LRC-5001' }))
      expect(found, name).toThrow(`line ${line}:`)
    }
  })

  test('a last line that a crash cut off does not count', () => {
    const text = `${lines(['oslo', 'turin', 'graz']).join('\n')}\n`
    expect(replay('j', linesOf(text.slice(0, -20))).entries).toHaveLength(2)
  })
})

describe('takeOverJournal', () => {
  const text = () => {
    const first = nextLine(chainStart, joined('oslo'), at)
    return `${first.line}\n${nextLine(first.end, joined('turin'), at).line}\n`
  }
  const folderWith = async (content: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'lorica-takeover-'))
    await writeFile(join(folder, 'journal.jsonl'), content)
    return folder
  }

  test('a journal of an earlier version is taken into the store once, also when a crash came in between', async () => {
    const folder = await folderWith(text())
    const path = join(folder, 'journal.jsonl')
    const shelf = createShelf()
    const store = openMemory(shelf, { now: () => 0, isRunning: () => false })
    const epoch = await store.lead(claim)
    await store.append(epoch, linesOf(text()).slice(0, 1)) // what a crash left
    expect(await takeOverJournal(disk, path, store, epoch)).toBe(2)
    expect(namesOn(shelf)).toEqual(['oslo', 'turin'])
    expect(await readdir(folder)).toEqual(['journal.jsonl.taken-over'])
    expect(await readFile(`${path}.taken-over`, 'utf8')).toBe(text())
    expect(await takeOverJournal(disk, path, store, epoch)).toBe(0)
    expect((await readJournal(store)).entries).toHaveLength(2)
    await rm(folder, { recursive: true })
  })

  test('a damaged one is refused, and one that is not of the store', async () => {
    const folder = await folderWith(text().replace('turin', 'milan'))
    const path = join(folder, 'journal.jsonl')
    const shelf = createShelf()
    const store = openMemory(shelf, { now: () => 0, isRunning: () => false })
    const epoch = await store.lead(claim)
    await expect(takeOverJournal(disk, path, store, epoch)).rejects.toThrow('line 2')
    expect(shelf.lines).toEqual([])
    await store.append(epoch, [{ seq: 1, line: nextLine(chainStart, joined('bern'), at).line }])
    await writeFile(path, text())
    await expect(takeOverJournal(disk, path, store, epoch)).rejects.toMatchObject({ code: 'LRC-5001' })
    await rm(folder, { recursive: true })
  })
})

const tick = () => new Promise((resolve) => setImmediate(resolve))
