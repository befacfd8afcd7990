import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { logLine } from './log.js'

const at = '2026-11-28T10:20:30.000Z'
const token = `${'q'.repeat(42)}7`
const sha256 = 'ab'.repeat(32)

test('a line is the same fact for people and for programs', () => {
  const fields = { run: 'tone-1', round: 3, accepted: true, code: null, why: 'two words' }
  expect(logLine('text', at, 'round-closed', fields)).toBe(
    `${at} round-closed run=tone-1 round=3 accepted=true code=null why="two words"`,
  )
  expect(JSON.parse(logLine('json', at, 'round-closed', fields))).toEqual({
    at,
    level: 'info',
    event: 'round-closed',
    ...fields,
  })
})

test.each([
  ['token', 'short', '[secret]'],
  ['tokenSha256', sha256, '[secret]'],
  ['stack', `Error: Bearer ${token} is wrong`, 'Error: Bearer [secret] is wrong'],
  ['why', `http://c:7411#${'s'.repeat(32)}.${'f'.repeat(43)} is old`, 'http://c:7411#[secret] is old'],
  ['why', `what is ${token}?`, 'what is [secret]?'],
  ['store', 'postgres://ann:pass@db/lorica', 'postgres://ann:[secret]@db/lorica'],
  ['update', sha256, sha256],
  ['agent', sha256.slice(0, 32), sha256.slice(0, 32)],
  ['url', 'http://127.0.0.1:7411', 'http://127.0.0.1:7411'],
])('of the field %s, "%s" is logged as "%s"', (name, value, shown) => {
  expect(JSON.parse(logLine('json', at, 'told', { [name]: value }))[name]).toBe(shown)
})

test('a name from elsewhere forges no line in either form', () => {
  const fields = { name: 'a\n2026 fault\u009b2J' }
  for (const format of ['text', 'json'] as const)
    expect(logLine(format, at, 'agent-joined', fields)).not.toMatch(/[\n\u009b]/)
})

test('a coordinator that logs for programs prints nothing else, and no token and no link', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'lorica-log-'))
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const args = [main, '--dir', dir, '--port', '0', '--log-format', 'json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, log] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
    if (log.includes('listening')) child.kill('SIGTERM')
  })
  await once(child, 'close')
  const adminToken = (await readFile(join(dir, 'admin-token'), 'utf8')).trim()
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.map(({ event }) => event)).toEqual(['root-published', 'listening', 'stopping'])
  for (const line of lines) expect(line).toMatchObject({ level: 'info', at: expect.stringContaining('T') })
  expect([out, log.includes(adminToken), log.includes('#')]).toEqual(['', false, false])
  const again = spawn(process.execPath, [...args, '--root', join(dir, 'none.json')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let refusal = ''
  again.stderr.setEncoding('utf8').on('data', (text: string) => (refusal += text))
  await once(again, 'close')
  expect(JSON.parse(refusal)).toMatchObject({ level: 'error', event: 'failed', code: 'LRC-6103' })
  await rm(dir, { recursive: true })
})
