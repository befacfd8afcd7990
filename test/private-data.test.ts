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
  'node:cluster',
  'node:inspector/promises',
  'node:module',
  'node:vm',
  'node:repl',
  'node:diagnostics_channel',
  'node:process',
  'node:v8',
  'ws',
  'a-package-that-nobody-has-read',
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
  'require(address)',
  "import('node:' + address)",
  'import(`node:net`)',
  "process.getBuiltinModule('node:net')",
  "process['getBuiltin' + 'Module'](address)",
  "process.binding('tcp_wrap')",
  'process.send?.(address)',
  'global.fetch(address)',
  "globalThis['fe' + 'tch'](address)",
  'new WebTransport(address)',
  "eval('fet' + 'ch')(address)",
  "new Function('address', address)",
  'new BroadcastChannel(address)',
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

test.each([
  ["import { writeFile } from 'node:fs/promises'\nexport const out = writeFile\n", 'takes "writeFile"'],
  [
    "import { appendFileSync as add } from 'node:fs'\nexport const out = add\n",
    'takes "appendFileSync as add"',
  ],
  ["import * as fs from 'node:fs'\nexport const out = fs\n", 'takes a whole module'],
  ["import fs from 'fs/promises'\nexport const out = fs\n", 'takes a whole module'],
  [
    "import { stat } from 'node:fs'\nimport * as fs from 'node:fs'\nexport const out = [stat, fs]\n",
    'takes a whole module',
  ],
  ["import { open as o } from 'node:fs/promises'\nexport const out = o('a', 'w')\n", 'takes "open as o"'],
  ["import { open } from 'node:fs/promises'\nexport const out = open('a', 'w')\n", "other than with 'r'"],
  ["import { open } from 'node:fs/promises'\nexport const out = open('a')\n", "other than with 'r'"],
  ['export const out = (text: string) => console.log(text)\n', 'uses console'],
  ['export const out = (text: string) => process.stderr.write(text)\n', 'uses process.stderr'],
])('a reader of private data that writes or prints is reported: %s', (text, what) => {
  expect(problemsOf([[reader, text]])).toEqual([
    expect.stringMatching(
      /^apps\/agent\/src\/private\/extra\.ts: what reads private data neither writes nor prints: /,
    ),
  ])
  expect(problemsOf([[reader, text]])[0]).toContain(what)
})

test.each(["import { connect } from 'node:net'\nexport const out = connect\n", 'export const out = fetch\n'])(
  'a library that private data is handed to and that has a way to the network is reported: %s',
  (text) => {
    const problems = problemsOf([['libs/peft-core/src/data/extra.ts', text]])
    expect(problems).toContainEqual(expect.stringContaining('a library has no way to the network'))
  },
)

test('a reader of private data that reaches the library with a server, itself or through a file, is reported', () => {
  const serving = "import { startServing } from '@lorica/serving'\nexport const leak = startServing\n"
  const problems = problemsOf([
    [reader, "import { leak } from '../between.js'\nexport const out = leak\n"],
    [between, serving],
  ])
  expect(problems).toContainEqual(expect.stringContaining(`${broken}: imports "@lorica/serving" (`))
  expect(problemsOf([[reader, serving]])).toContainEqual(expect.stringContaining(broken))
})

test('a reader of private data may read files and hand values on', () => {
  const text = "import { readFile } from 'node:fs/promises'\nexport const read = readFile\n"
  expect(problemsOf([[reader, text]])).toEqual([])
})
