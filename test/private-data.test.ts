import { expect, test } from 'vitest'
import { problemsOf, real } from './support/imagined-files.js'

const reader = 'apps/agent/src/private/extra.ts'
const between = 'apps/agent/src/between.ts'
const broken = 'private data never meets the network'

test('the agent has files that read private data, and none has a way to the network', () => {
  const readers = real.files.filter(({ path }) => path.startsWith('apps/agent/src/private/'))
  expect(readers.length).toBeGreaterThan(1)
  expect(problemsOf(real).filter((problem) => problem.includes(broken))).toEqual([])
})

test.each([
  '../net/link.js',
  'socket.io-client',
  'undici',
  'node:net',
  'net',
  'node:http',
  'node:http2',
  'node:https',
  'node:tls',
  'node:dgram',
  'node:dns/promises',
  'node:child_process',
  'node:worker_threads',
])('a reader of private data that imports %s is reported', (specifier) => {
  const problems = problemsOf([[reader, `import * as way from '${specifier}'\nexport const out = way\n`]])
  expect(problems).toContainEqual(`${reader}: ${broken}: imports "${specifier}". Return a value instead.`)
})

test.each([
  'fetch(address)',
  'globalThis.fetch(address)',
  'new WebSocket(address)',
  'new EventSource(address)',
  'import(address)',
])('a reader of private data that calls %s is reported', (call) => {
  const problems = problemsOf([[reader, `export const leak = (address: string) => ${call}\n`]])
  expect(problems).toContainEqual(expect.stringContaining(broken))
})

test('a way to the network through another file is reported with the way', () => {
  const problems = problemsOf([
    [reader, "import { send } from '../between.js'\nexport const leak = send\n"],
    [between, "import { request } from 'node:https'\nexport const send = request\n"],
  ])
  expect(problems).toEqual([
    `${between}: ${broken}: imports "node:https" (${reader} -> ${between}). Return a value instead.`,
  ])
})

test('a reader of private data may read files and hand values on', () => {
  const text = "import { readFile } from 'node:fs/promises'\nexport const read = readFile\n"
  expect(problemsOf([[reader, text]])).toEqual([])
})
