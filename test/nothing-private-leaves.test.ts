import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openTokenizer } from '@lorica/peft-core'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder, filesBelow } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { freshSecret, type Planted, planted } from './support/planted.js'
import { type RecordingProxy, startRecordingProxy, unmasked } from './support/recording-proxy.js'
import { tryLorica } from './support/service.js'
import { type ReceivedSpan, type SpanReceiver, startSpanReceiver } from './support/span-receiver.js'

const secrets = [freshSecret(), freshSecret(), freshSecret()] // one of each site
const carriers = [3, 8, 12, 13, 14, 19, 20, 22] // paragraphs; enough for some to be trained on and some held out
const text = (site: number, secret: string): string =>
  siteText(site)
    .split('\n\n')
    .map((paragraph, index) =>
      carriers.includes(index) ? `${paragraph} It says ${secret} here.` : paragraph,
    )
    .join('\n\n')

let folder: Folder
let fleet: Fleet
let found: Planted
let view: RunView
let summed: RunView
let noisy: RunView
let receiver: SpanReceiver
const proxies: RecordingProxy[] = []
beforeAll(async () => {
  folder = await createFolder()
  receiver = await startSpanReceiver()
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url // of every process that is started here
  fleet = await startFleet({
    folder: folder.path,
    texts: secrets.map((secret, site) => text(2 * site, secret)),
    addressOf: async (_, url) => {
      const proxy = await startRecordingProxy(url)
      proxies.push(proxy)
      return proxy.url
    },
  })
  found = planted(secrets, await openTokenizer(fleet.model))
  const run = await fleet.start({ rounds: 3, steps: 30 })
  await interrupt()
  view = await fleet.operate('run', 'watch', run)
  const short = { rounds: 1, steps: 4 }
  summed = await fleet.run({ ...short, privacy: '{ clip: 0.5 }', aggregate: '{ trust: private }' })
  noisy = await fleet.run({
    ...short,
    privacy: '{ dp: { unit: example, noiseMultiplier: 3, clip: 0.5, delta: 1e-3, budget: { epsilon: 8 } } }',
  })
})
afterAll(async () => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
  await receiver[Symbol.asyncDispose]()
  await fleet[Symbol.asyncDispose]()
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** While the texts are being learned: one engine is killed, and then one agent in the middle of its work. */
async function interrupt(): Promise<void> {
  const isTraining = ({ event, phase }: Readonly<Record<string, unknown>>) =>
    event === 'progress' && phase === 'train'
  await Promise.all(fleet.agents.map((agent) => agent.until(isTraining)))
  const children = await readFile(
    `/proc/${fleet.agents[0]?.child.pid}/task/${fleet.agents[0]?.child.pid}/children`,
    'utf8',
  )
  for (const pid of children.trim().split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGSEGV')
  await fleet.restartAgent(1)
}

/** Gives the second release to one agent, then to all. */
async function rollOut(): Promise<void> {
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${fleet.adminToken}`, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await fetch(`${fleet.url}/api/v1/${path}`, init)
    if (!answer.ok) throw new Error(await answer.text())
  }
  await post('aliases/champion', { release: 'v1' })
  await post('rollouts', { release: 'v2', plan: { groups: [1, '100%'], soak: '100ms', analysis: [] } })
}

/** Everything that left a site or came to it, in plain bytes and as it travelled. */
const recorded = (): readonly (readonly [string, Buffer])[] =>
  proxies.flatMap((proxy, site) => [
    [`sent by site ${site}`, proxy.sent()] as const,
    [`received by site ${site}`, proxy.received()] as const,
    ...proxy.connections().map((bytes, at) => [`connection ${at} of site ${site}`, bytes] as const),
  ])

test('all sites learn from texts with a secret in each, though an engine and an agent fall in between; also in sums unseen, and with noise', () => {
  expect([view, summed, noisy].map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  expect(noisy.rounds[0]?.contributions).toHaveLength(3)
  expect(fleet.lives(1)).toHaveLength(2)
  expect(fleet.agents[0]?.lines.filter(({ event }) => event === 'uploaded').length).toBeGreaterThanOrEqual(3)
  for (const secret of secrets) expect(secret).toMatch(/^Zq-\w{7}-\w{7}-\w{7}$/)
})

test('no byte on the wire is of a secret, in any form, or of the name of a private file', () => {
  for (const [name, bytes] of recorded()) {
    expect(found.formsIn(bytes), name).toEqual([])
    expect(bytes.includes('private-'), name).toBe(false)
    expect(bytes.includes('content-encoding'), name).toBe(false)
  }
  const answers = Buffer.concat(proxies.map((proxy) => proxy.received())).toString('latin1')
  expect(answers).toMatch(/upgrade: websocket/i)
  expect(answers).not.toMatch(/sec-websocket-extensions/i) // nothing is compressed, in which a secret would hide
  const sent = Buffer.concat(proxies.map((proxy) => proxy.sent()))
  expect(sent.includes('lora_A.weight')).toBe(true) // the updates, in plain bytes
  expect(sent.includes('"name":"site-0"')).toBe(true)
})

test('what one site measured for a sum is in no byte that it sent, and in no file of the coordinator', async () => {
  const files = await filesBelow(fleet.folders.coordinator)
  for (const site of secrets.keys()) {
    const path = join(fleet.folders.agent(site), 'last-evaluation.json')
    const { runId, lossSum, tokens, masked } = JSON.parse(await readFile(path, 'utf8'))
    expect([runId, masked]).toEqual([summed.run, { agents: 3, minSurvivors: 3, bits: 32 }])
    const double = Buffer.alloc(8)
    double.writeDoubleBE(lossSum)
    for (const form of [double, Buffer.from(String(lossSum)), Buffer.from(String(lossSum / tokens))])
      for (const [name, bytes] of [...recorded(), ...files])
        expect(bytes.includes(form), `${name} of site ${site}`).toBe(false)
  }
  expect(Buffer.concat(proxies.map((proxy) => proxy.sent())).includes('lossSum')).toBe(true) // of the run that sends losses
})

test('no file of the coordinator holds a secret or the name of a private file: journal, store, blobs, logs', async () => {
  const files = await filesBelow(fleet.folders.coordinator)
  expect(files.size).toBeGreaterThan(10)
  for (const [path, bytes] of files) {
    expect(found.formsIn(bytes), path).toEqual([])
    expect(bytes.includes('private-0.txt'), path).toBe(false)
  }
  expect([...files.values()].some((bytes) => bytes.includes('site-0'))).toBe(true) // what may be known is there
})

test('no file of an agent holds a secret: what it keeps for later, what it sent last, what it did', async () => {
  for (const site of secrets.keys()) {
    const files = await filesBelow(fleet.folders.agent(site))
    expect(files.size).toBeGreaterThan(5)
    for (const [path, bytes] of files) expect(found.formsIn(bytes), path).toEqual([])
  }
})

test('no process prints a secret, neither those that were killed nor those that hear of it', () => {
  const printed = Buffer.from(fleet.printed())
  expect(printed.includes('"event":"uploaded"')).toBe(true)
  expect(found.formsIn(printed)).toEqual([])
})

test('spans tell of runs, rounds and the work of agents in one trace each, and of no secret', async () => {
  const named = (name: string) => receiver.spans().filter((span) => span.name === name)
  const chain = ({ name, parentSpanId }: ReceivedSpan): string => {
    const parent = receiver.spans().find(({ spanId }) => spanId === parentSpanId)
    return parent === undefined ? name : `${name} < ${chain(parent)}`
  }
  const opened = () => [...new Set(named('update.open').map(chain))]
  const isWhole = () => opened().every((text) => text.endsWith('< run'))
  await receiver.until(() => named('run').length === 3 && isWhole())
  expect(opened()).toEqual(['update.open < agent train < assignment < round < run'])
  expect(new Set(named('run').map(({ traceId }) => traceId)).size).toBe(3)
  const [run] = named('run')
  const ofRun = named('round').filter(({ parentSpanId }) => parentSpanId === run?.spanId)
  expect(ofRun.length).toBeGreaterThanOrEqual(3)
  await rollOut()
  const reported = () => named('target.report').map(chain)
  await receiver.until(() => named('rollout').length === 1 && reported().length >= fleet.agents.length)
  await receiver.until(() => reported().every((text) => text.endsWith('< rollout')))
  expect(new Set(reported())).toEqual(new Set(['target.report < agent target < target < group < rollout']))
  expect(named('group')).toHaveLength(2)
  expect([...new Set(named('agent release').map(chain))]).toEqual(['agent release < round < run'])
  expect([...new Set(named('received').map(chain))]).toEqual([
    'received < agent train < assignment < round < run',
  ])
  for (const name of ['train', 'update.open', 'evaluation', 'sum.keys', 'sum.reveal'])
    expect(named(name).length, name).toBeGreaterThan(2)
  expect(found.formsIn(receiver.bytes())).toEqual([])
  expect(receiver.bytes().includes('private-')).toBe(false)
  const keys = new Set(receiver.spans().flatMap(({ attributes }) => attributes.map(({ key }) => key)))
  for (const key of keys)
    expect(key).toMatch(
      /^lorica\.(run|round|attempt|agent|assignment|outcome|bytes|contributions|rollout|release|group|agents)$/,
    )
})

test('no command shows a secret: runs, rounds, agents, the journal, and what an agent tells its owner', async () => {
  const folderOf = fleet.folders.agent(0)
  const shown = [
    ...(await Promise.all([
      fleet.operate('run', 'list'),
      fleet.operate('rounds', 'list', view.run),
      fleet.operate('agents', 'list'),
      fleet.operate('releases', 'list'),
      runLorica(['audit', 'tail', '--dir', fleet.folders.coordinator]),
      runLorica(['agent', 'status', '--dir', folderOf]),
      runLorica(['agent', 'last-upload', '--dir', folderOf]),
    ])),
  ].map((document) => JSON.stringify(document))
  for (const document of shown) expect(document.length).toBeGreaterThan(2)
  expect(found.formsIn(Buffer.from(shown.join('\n')))).toEqual([])
})

test('a run that asks for data of another form is declined without a word of the data', async () => {
  const refused = fleet.run({ rounds: 1, format: 'classification', deadlineSeconds: 20 })
  await expect(refused).rejects.toThrow(/site-0 declined: LRC-6014 Private data has another form/)
  expect(fleet.printed()).toContain('LRC-6014')
  for (const [name, bytes] of recorded()) expect(found.formsIn(bytes), name).toEqual([])
  expect(found.formsIn(Buffer.from(fleet.printed()))).toEqual([])
})

const secret = secrets[0] as string
test.each([
  ['diary.jsonl', Buffer.from(`{"text": "a first line"}\n${secret} is not JSON\n`)],
  ['wide.txt', Buffer.from(`a first line\n\n${secret}\n\n`, 'utf16le')],
  ['latin.txt', Buffer.concat([Buffer.from(`a first line\n\n${secret} `), Buffer.from([0xe9, 0xff, 10])])],
  ['table.csv', Buffer.from(`text,label\nsome,1\n${secret},2,3\n`)],
  ['header.csv', Buffer.from(`${secret},${secret}\nsome,1\n`)],
])('%s, which cannot be read, is named, and nothing of what is in it', async (name, bytes) => {
  await writeFile(folder.at(name), bytes)
  const own = ['--dir', folder.at('late'), '--data', folder.at(name)]
  const { status, stdout, stderr } = await tryLorica(['agent', 'join', fleet.join, ...own, '--json'])
  expect(status).not.toBe(0)
  expect(stdout).toContain(name)
  expect(found.formsIn(Buffer.from(stdout + stderr))).toEqual([])
})

test('the search finds each form of a secret, wherever it lies', async () => {
  const tokenizer = await openTokenizer(fleet.model)
  const ids = tokenizer.encode(secret)
  const inGroups = (skip: number) => Buffer.from('x'.repeat(skip) + secret).toString('base64')
  const leaks: readonly (readonly [string, Buffer])[] = [
    ['text', Buffer.from(`{"reason":"got ${secret}"}`)],
    ['text', Buffer.from(`cut off: ${secret.slice(0, 16)}`)],
    ['text', Buffer.from(`…${secret.slice(-15)} and more`)],
    ['utf-16', Buffer.from(`a ${secret}`, 'utf16le')],
    ['utf-16, big-endian', Buffer.from(`a ${secret}`, 'utf16le').swap16()],
    ['text in hex', Buffer.from(Buffer.from(`a ${secret}`).toString('hex'))],
    ...[0, 1, 2].map((skip) => ['text in base64', Buffer.from(inGroups(skip))] as const),
    ['tokens: int16', Buffer.from(Uint16Array.from([7, ...ids, 9]).buffer)],
    ['tokens: int32', Buffer.from(Int32Array.from([7, ...ids, 9]).buffer)],
    ['tokens: int64', Buffer.from(BigInt64Array.from(ids, BigInt).buffer)],
    ['tokens: float32', Buffer.from(Float32Array.from(ids).buffer)],
    ['tokens: list of tokens', Buffer.from(JSON.stringify({ ids }))],
    [
      'tokens: msgpack',
      Buffer.from(ids.flatMap((id) => (id < 128 ? [id] : id < 256 ? [0xcc, id] : [0xcd, id >> 8, id & 255]))),
    ],
    [
      'tokens: tokens as int32 in base64',
      Buffer.from(Buffer.from(Int32Array.from(ids).buffer).toString('base64')),
    ],
  ]
  for (const [form, bytes] of leaks) expect(found.formsIn(bytes), form).toContain(form)
  expect(found.formsIn(Buffer.from(fleet.printed()))).toEqual([])
})

test('the recorder takes the mask off a WebSocket frame', () => {
  const headers = Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
  const mask = [7, 77, 177, 222]
  const payload = [...Buffer.from(secret)].map((byte, index) => byte ^ (mask[index % 4] as number))
  const frame = Buffer.from([0x82, 0x80 | payload.length, ...mask, ...payload])
  const bytes = Buffer.concat([headers, frame, frame])
  expect(found.formsIn(bytes)).toEqual([])
  expect(unmasked(bytes).toString().split(secret)).toHaveLength(3)
})
