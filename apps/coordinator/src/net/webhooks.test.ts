import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Delivery } from '../rollouts/webhook.js'
import { createWebhooks, readWebhooks, webhookKey, webhookSignature } from './webhooks.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const act of closing.splice(0)) await act()
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
}

const delivery = (timeoutMs = 5000): Delivery => ({
  ...{ key: 'before-group 1 0 0', id: 'msg_p5jXN8AQM9LWM0D4loKWxLek', body: '{"test": 2432232314}' },
  hook: { hook: 'ci', gate: 'before-group', tell: [], tries: 2, timeoutMs },
})
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const post = (url: string, timeoutMs?: number) =>
  createWebhooks(new Map([['ci', { url, key: webhookKey(secret) }]]), { now: () => 1_614_265_330_500 }).post(
    delivery(timeoutMs),
  )

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

test('a message is signed as the libraries of Standard Webhooks sign it', async () => {
  // What standardwebhooks 1.1.1 of the npm registry and Python's hmac say of this secret, id, time and body.
  const signature = 'v1,enRLSa8SQq0bjzfA39jRvVHj4kmZBoO5m8PEGpuQ5q0='
  const { id, body } = delivery()
  expect(webhookSignature(webhookKey(secret), id, 1614265330, body)).toBe(signature)
  const seen: unknown[] = []
  const url = await serve(async (request, response) => {
    const { headers } = request
    seen.push([
      headers['webhook-id'],
      headers['webhook-timestamp'],
      headers['webhook-signature'],
      await bodyOf(request),
    ])
    response.end('{"decision":"proceed"}')
  })
  expect(await post(url)).toEqual({ kind: 'answered', text: '{"decision":"proceed"}' })
  expect(seen).toEqual([[id, '1614265330', signature, body]])
})

test('a redirect is not followed, an error may pass or not, and one that hangs or talks without end is no answer', async () => {
  let visits = 0
  const inner = await serve((_, response) => {
    visits++
    response.end('{"decision":"proceed"}')
  })
  const redirecting = await serve((_, response) => response.writeHead(307, { location: inner }).end())
  expect(await post(redirecting)).toEqual({ kind: 'failed', reason: 'it answered 307', mayTryAgain: false })
  expect(visits).toBe(0)
  for (const [status, mayTryAgain] of [
    [404, false],
    [401, false],
    [429, true],
    [503, true],
  ] as const)
    expect(await post(await serve((_, response) => response.writeHead(status).end('no')))).toEqual({
      ...{ kind: 'failed', reason: `it answered ${status}`, mayTryAgain },
    })
  const hanging = await serve(() => undefined)
  expect(await post(hanging, 50)).toEqual({
    kind: 'failed',
    reason: 'no answer in 0.05 s',
    mayTryAgain: true,
  })
  const dripping = await serve((_, response) => void response.writeHead(200).write('{"decision":'))
  expect(await post(dripping, 50)).toMatchObject({ kind: 'failed', mayTryAgain: true })
  const endless = await serve((_, response) => {
    const more = () => void (response.write('x'.repeat(8192)) && setImmediate(more))
    more()
  })
  expect(await post(endless)).toEqual({ kind: 'answered', text: '' })
  expect(await post('http://127.0.0.1:1/')).toEqual({
    kind: 'failed',
    reason: 'it cannot be reached',
    mayTryAgain: true,
  })
})

test('a file of webhooks is read with its secrets, and refused when one of them could not keep what it promises', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-hooks-'))
  closing.push(() => rm(folder, { recursive: true }))
  const file = join(folder, 'hooks.json')
  await writeFile(join(folder, 'ci.key'), `${secret}\n`)
  const read = async (content: unknown) => {
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
    return await readWebhooks(file, { CHAT: 'sixteen bytes or more' })
  }
  const url = 'https://ci.example/hook'
  const hooks = await read({ ci: { url, secretFile: 'ci.key' }, chat: { url, secretEnv: 'CHAT' } })
  expect(hooks.get('ci')?.key).toEqual(Buffer.from(secret.slice(6), 'base64'))
  expect(hooks.get('chat')?.key).toEqual(Buffer.from('sixteen bytes or more'))
  for (const [content, said] of [
    ['{', 'secretFile'],
    [{ ci: { url: 'ftp://ci.example', secretFile: 'ci.key' } }, 'url'],
    [{ ci: { url: 'http://ci.example', secretFile: 'ci.key' } }, 'plain HTTP'],
    [{ ci: { url: 'https://a:b@ci.example', secretFile: 'ci.key' } }, 'password'],
    [{ ci: { url, secretFile: 'other.key' } }, '16 bytes'],
    [{ ci: { url, secretEnv: 'NONE' } }, '16 bytes'],
    [{ ci: { url } }, 'no secret'],
  ] as const) {
    const error = await read(content).catch((one: unknown) => one)
    expect(error).toMatchObject({ code: 'LRC-8001' })
    expect(JSON.stringify([(error as Error).message, (error as { expected: string }).expected])).toContain(
      said,
    )
  }
})
