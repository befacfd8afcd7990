import { appendFile, mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoricaError } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { openJournal } from './journal.js'
import type { JournalEvent } from './journal-event.js'

const at = '2026-01-02T03:04:05.678Z'

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

async function written(names: readonly string[]): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'lorica-journal-')), 'journal.jsonl')
  const { journal } = openJournal(path)
  for (const name of names) journal.append(joined(name), at)
  await journal.flush()
  await journal.close()
  return path
}

function damageOf(path: string): LoricaError {
  try {
    openJournal(path)
  } catch (error) {
    return error as LoricaError
  }
  return expect.fail('the journal opened')
}

describe('openJournal', () => {
  test('what was appended is read back, and goes on from there', async () => {
    const path = await written(['oslo', 'turin'])
    const again = openJournal(path)
    expect(again.entries.map(({ seq, event }) => [seq, event])).toEqual([
      [1, joined('oslo')],
      [2, joined('turin')],
    ])
    expect(again.journal.append(joined('graz'), at).seq).toBe(3)
    await again.journal.close()
    expect(openJournal(path).entries.map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  test('a last line that a crash cut off is removed, and the next one follows', async () => {
    const path = await written(['oslo', 'turin', 'graz'])
    const text = await readFile(path, 'utf8')
    await truncate(path, text.length - 20)
    const { journal, entries } = openJournal(path)
    expect(entries).toHaveLength(2)
    journal.append(joined('bern'), at)
    await journal.close()
    expect(openJournal(path).entries.map(({ event }) => (event as { name: string }).name)).toEqual([
      'oslo',
      'turin',
      'bern',
    ])
  })

  test('a changed value, a removed line, swapped lines and a repeated line are found by line', async () => {
    const original = await readFile(await written(['oslo', 'turin', 'graz', 'bern']), 'utf8')
    const [a, b, c, d] = original.trimEnd().split('\n') as [string, string, string, string]
    const cases: readonly (readonly [string, readonly string[], number])[] = [
      ['changed', [a, b.replace('turin', 'milan'), c, d], 2],
      ['removed', [a, c, d], 2],
      ['swapped', [a, c, b, d], 2],
      ['repeated', [a, b, c, c, d], 4],
      ['not JSON', [a, b, c.slice(1), d], 3],
      ['a field added', [a, b, c.replace('{', '{"x":2,'), d], 3],
    ]
    for (const [name, lines, line] of cases) {
      const path = await written([])
      await writeFile(path, `${lines.join('\n')}\n`)
      const { code, message } = damageOf(path)
      expect([name, code]).toEqual([name, 'LRC-5001'])
      expect(message).toContain(`line ${line}:`)
    }
  })

  test('a line that somebody added by hand is found', async () => {
    const path = await written(['oslo'])
    await appendFile(
      path,
      `${JSON.stringify({ ...joined('milan'), seq: 2, at, prev: 'f'.repeat(64), hash: '0' })}\n`,
    )
    expect(damageOf(path).code).toBe('LRC-5001')
  })

  test('flushes that overlap all resolve', async () => {
    const { journal } = openJournal(await written([]))
    const flushes = ['oslo', 'turin', 'graz'].map((name) => {
      journal.append(joined(name), at)
      return journal.flush()
    })
    await expect(Promise.all(flushes)).resolves.toHaveLength(3)
    await journal.close()
  })
})
