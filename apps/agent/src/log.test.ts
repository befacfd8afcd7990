import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createIdentity, createToken, joinLink } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from './clock.js'
import { type JsonLines, jsonReport, serviceLog } from './log.js'
import type { AgentEvent } from './report.js'

const coordinator = createIdentity()
const link = joinLink('http://127.0.0.1:9', createToken(coordinator.publicKey), {
  version: 1,
  fingerprint: 'r'.repeat(43),
})
const path = '/home/ann/Ward 7 letters.txt'

/** What is written of events. */
function written(report: (lines: JsonLines) => (event: AgentEvent) => void, events: readonly AgentEvent[]) {
  const lines: string[] = []
  const tell = report({
    write: (line) => lines.push(line),
    clock: { ...systemClock(), now: () => 1_772_600_767_000 },
    privatePaths: () => [path],
  })
  for (const event of events) tell(event)
  return lines
}

test('a line has the event, its time, its level and its code', () => {
  const reason = { code: 'LRC-6003', message: 'no memory', action: 'close programs' }
  const [line = '', left = ''] = written(jsonReport, [
    { event: 'engine-failed', ...reason },
    { event: 'left' },
  ])
  const at = '2026-03-04T05:06:07.000Z'
  expect(JSON.parse(line)).toEqual({ event: 'engine-failed', at, level: 'error', ...reason })
  expect(JSON.parse(left)).toEqual({ event: 'left', at, level: 'info' })
  expect(line.endsWith('}\n')).toBe(true)
})

test('no secret and no name of a private file is in a line, whichever field it came in', () => {
  const message = `${path}: "Ward 7 letters.txt" is not what ${link} or ${coordinator.publicKey} named`
  const events: readonly AgentEvent[] = [
    {
      event: 'failed',
      code: 'LRC-9001',
      message,
      expected: message,
      received: message,
      action: message,
      stack: message,
    },
    { event: 'disconnected', reason: message },
    { event: 'connected', url: link },
  ]
  const text = written(jsonReport, events).join('')
  for (const secret of ['Ward', 'letters', link.slice(20, 60), coordinator.publicKey, 'r'.repeat(43)])
    expect(text, secret).not.toContain(secret)
  expect(text).toContain('[data 1]: \\"[data 1]\\" is not what http://127.0.0.1:9#[secret] or [secret] named')
})

test('the log of a service tells each phase once', () => {
  const at = (step: number, phase: 'train' | 'upload'): AgentEvent => ({
    ...{ event: 'progress', assignmentId: 'a', phase, step, steps: 9, loss: null, tokensPerSecond: null },
  })
  const events = [at(1, 'train'), at(2, 'train'), at(1, 'upload'), at(2, 'upload')]
  expect(written(serviceLog, events)).toHaveLength(2)
  expect(written(jsonReport, events)).toHaveLength(4)
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-log-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('an agent that cannot start as a service says so in one line of JSON, without the file or a word of it', async () => {
  const data = join(folder, 'patients.jsonl')
  await writeFile(data, '{"text":"first"}\nthe secret of line two\n')
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const args = [main, 'join', link, '--log-format', 'json', '--dir', join(folder, 'agent'), '--data', data]
  const [code, out, complaint] = await new Promise<readonly [unknown, string, string]>((resolve) =>
    execFile(process.execPath, args, (error, stdout, stderr) => resolve([error?.code, stdout, stderr])),
  )
  expect([code, complaint]).toEqual([3, ''])
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { event: 'failed', level: 'error', code: 'LRC-6001', message: expect.stringContaining('[data 1]') },
  ])
  for (const secret of ['patients', 'secret of', link.slice(20, 60)]) expect(out).not.toContain(secret)
})
