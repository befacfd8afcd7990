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
