import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoricaError } from '@lorica/protocol'
import { afterEach, expect, test } from 'vitest'
import { createApi } from './api.js'
import { insist } from './insist.js'
import { moveAlias } from './release-aliases.js'

const opened: ReturnType<typeof createServer>[] = []
afterEach(() => {
  for (const server of opened.splice(0)) server.close().closeAllConnections()
})

async function apiOf(listener: RequestListener) {
  const server = createServer(listener)
  opened.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return createApi({ url: `http://127.0.0.1:${port}`, token: 'of-an-operator' })
}

test('a list of 5,003 agents comes in pages, none twice and none left out', async () => {
  const asked: string[] = []
  const fleet = Array.from({ length: 5003 }, (_, index) => ({ agentId: `agent-${index}` }))
  const api = await apiOf(({ url = '' }, answer) => {
    asked.push(url)
    const { searchParams } = new URL(url, 'http://fleet')
    const from = Number(searchParams.get('cursor') ?? 0)
    const until = from + Number(searchParams.get('limit'))
    const next = until < fleet.length ? { next: String(until) } : {}
    answer.end(JSON.stringify({ agents: fleet.slice(from, until), of: 'Oslo', ...next }))
  })
  const listed = await api.all<{ agents: { agentId: string }[]; of: string }>('/api/v1/agents', 'agents')
  expect(listed).toEqual({ agents: fleet, of: 'Oslo' })
  expect(asked).toHaveLength(11)
  expect(asked.at(-1)).toBe('/api/v1/agents?limit=500&cursor=5000')
})

test('a name is moved only from what was read of it, or from what is given', async () => {
  const sent: unknown[] = []
  const api = await apiOf(({ method, headers }, answer) => {
    if (method === 'POST') sent.push([headers['if-match'], headers['if-none-match']])
    answer.end(JSON.stringify({ aliases: { champion: 'v7' } }))
  })
  await moveAlias(api, 'champion', { release: 'v8' })
  await moveAlias(api, 'candidate', { release: 'v8' })
  await moveAlias(api, 'champion', { release: 'v8', from: 'v6' })
  await moveAlias(api, 'champion', { release: 'v8', from: 'none' })
  expect(sent).toEqual([
    ['"v7"', undefined],
    [undefined, '*'],
    ['"v6"', undefined],
    [undefined, '*'],
  ])
})

test('what got lost is sent again with longer waits, and given up; a refusal, or nobody there, is told at once', async () => {
  const failing = async (error: Error) => {
    const waits: number[] = []
    await expect(
      insist(
        () => Promise.reject(error),
        async (ms) => waits.push(ms),
      ),
    ).rejects.toBe(error)
    return waits
  }
  const because = (code: string) =>
    new LoricaError('LRC-8002', 'broke', {
      cause: new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
    })
  expect(await failing(because('ECONNRESET'))).toEqual([200, 400, 800, 1600, 3200, 6400])
  expect(await failing(because('ECONNREFUSED'))).toEqual([])
  expect(await failing(new LoricaError('LRC-1014', 'another request'))).toEqual([])
  expect(await failing(new LoricaError('LRC-8002', 'the coordinator answered 500'))).toEqual([])
})
