import { writeFile } from 'node:fs/promises'
import { openTokenizer } from '@lorica/peft-core'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder, filesBelow } from './support/folder.js'
import { type RecordingProxy, startRecordingProxy, unmasked } from './support/recording-proxy.js'
import { tryLorica } from './support/service.js'

const secret = 'Zq7-Quohog-Vault-4417'
const carriers = [3, 8, 12, 13, 14, 19, 20, 22] // paragraphs; enough for some to be trained on and some held out
const text = siteText(0)
  .split('\n\n')
  .map((paragraph, index) => (carriers.includes(index) ? `${paragraph} It says ${secret} here.` : paragraph))
  .join('\n\n')

let folder: Folder
let fleet: Fleet
let proxy: RecordingProxy
let view: RunView
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts: [text, siteText(2)],
    addressOf: async (agent, url) => {
      if (agent !== 0) return url
      proxy = await startRecordingProxy(url)
      return proxy.url
    },
  })
  view = await fleet.run()
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test('an agent learns from a text with a secret in it', () => {
  expect(view.state).toBe('succeeded')
  expect(view.rounds.map(({ contributions }) => contributions.length)).toEqual([2, 2])
})

test('no file of the coordinator holds a word of the secret or the name of a private file', async () => {
  const files = await filesBelow(fleet.folders.coordinator)
  expect(files.size).toBeGreaterThan(10)
  for (const [path, bytes] of files) {
    expect(holding(bytes), path).toEqual([])
    expect(bytes.includes('private-0.txt'), path).toBe(false)
  }
  expect([...files.values()].some((bytes) => bytes.includes('site-0'))).toBe(true) // what may be known is there
})

test('no process prints a word of the secret', async () => {
  const printed = Buffer.from(fleet.printed())
  expect(printed.includes('"event":"uploaded"')).toBe(true)
  expect(holding(printed)).toEqual([])
})

test('an agent sends its update and nothing of the secret, as text or as tokens', async () => {
  const sent = proxy.sent()
  expect(sent.includes('lora_A.weight')).toBe(true) // the update itself, in plain bytes
  expect(sent.includes('"name":"site-0"')).toBe(true)
  expect(holding(sent)).toEqual([])
  expect(sent.includes('private-0')).toBe(false)
  const tokenizer = await openTokenizer(fleet.model)
  const ids = tokenizer.encode(secret).slice(2, 7)
  expect(ids).toHaveLength(5)
  for (const [kind, bytes] of Object.entries(encodings(ids))) expect(sent.includes(bytes), kind).toBe(false)
})

test('a private file that cannot be read is named, and none of its words', async () => {
  const data = folder.at('diary.jsonl')
  await writeFile(data, `{"text": "a first line"}\n${secret} is not JSON\n`)
  const own = ['--dir', folder.at('late'), '--data', data]
  const { status, stdout, stderr } = await tryLorica(['agent', 'join', fleet.join, ...own, '--json'])
  expect(status).not.toBe(0)
  expect(stdout).toContain('diary.jsonl')
  expect(holding(Buffer.from(stdout + stderr))).toEqual([])
})

test('the recorder takes the mask off a WebSocket frame', () => {
  const headers = Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
  const mask = [7, 77, 177, 222]
  const payload = [...Buffer.from(secret)].map((byte, index) => byte ^ (mask[index % 4] as number))
  const frame = Buffer.from([0x82, 0x80 | payload.length, ...mask, ...payload])
  const bytes = Buffer.concat([headers, frame, frame])
  expect(holding(bytes)).toEqual([])
  expect(unmasked(bytes).toString().split(secret)).toHaveLength(3)
})

/** Which forms of the secret some bytes hold. */
function holding(bytes: Buffer): readonly string[] {
  const plain = secret.slice(0, 12)
  const offsets = [0, 1, 2].map((skip) => Buffer.from(secret.slice(skip, skip + 12)).toString('base64'))
  const forms = [plain, plain.toLowerCase(), Buffer.from(plain).toString('hex'), ...offsets]
  return forms.filter((form) => bytes.includes(form))
}

function encodings(ids: readonly number[]): Readonly<Record<string, Buffer>> {
  return {
    json: Buffer.from(ids.join(',')),
    int16: Buffer.from(Uint16Array.from(ids).buffer),
    int32: Buffer.from(Int32Array.from(ids).buffer),
    int64: Buffer.from(BigInt64Array.from(ids, BigInt).buffer),
    float32: Buffer.from(Float32Array.from(ids).buffer),
  }
}
