import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFolder, type Folder } from './support/folder.js'
import { programs, type Service, startService } from './support/service.js'

let folder: Folder
let coordinator: Service
let ready: { readonly url: string; readonly join: string; readonly adminToken: string }

beforeAll(async () => {
  folder = await createFolder()
  await writeFile(
    folder.at('oslo.txt'),
    'The ferry to Nesodden leaves at eight, and comes back at nine.\n\n'.repeat(40),
  )
  coordinator = serve('coordinator')
  ready = (await coordinator.until((line) => 'join' in line)) as unknown as typeof ready
})

afterAll(async () => {
  await coordinator[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

function serve(name: string): Service {
  return startService(programs.coordinator, [
    '--dir',
    folder.at(name),
    '--port',
    '0',
    '--tls',
    'self',
    '--json',
  ])
}

function joinWith(link: string, name: string): Service {
  const data = ['--data', folder.at('oslo.txt')]
  return startService(programs.agent, [
    'join',
    link,
    '--dir',
    folder.at(name),
    '--name',
    name,
    ...data,
    '--json',
  ])
}

/** The link of the fleet, at the port of somebody else. */
function linkAt(port: number, scheme = 'https'): string {
  const [address = '', token = ''] = ready.join.split('#')
  const url = new URL(address)
  return `${scheme}://${url.hostname}:${port}#${token}`
}

test('an agent joins over a self-made certificate that the key in its link vouches for, and comes back', async () => {
  expect(ready.join).toMatch(/^https:\/\/127\.0\.0\.1:/)
  {
    await using agent = joinWith(ready.join, 'oslo')
    await agent.until(({ event }) => event === 'connected')
  }
  await using again = startService(programs.agent, ['start', '--dir', folder.at('oslo'), '--json'])
  await again.until(({ event }) => event === 'connected')
})

test('operators trust the certificate in the folder of the coordinator, and nothing is answered without TLS', async () => {
  const ca = await readFile(folder.at('coordinator', 'tls-cert.pem'))
  const headers = { authorization: `Bearer ${ready.adminToken}` }
  const ask = (options: object) =>
    new Promise((resolve) => {
      const asked = request(`${ready.url}/api/v1/agents`, { headers, ...options }, ({ statusCode }) =>
        resolve(statusCode),
      )
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      asked.end()
    })
  expect(await ask({ ca })).toBe(200)
  expect(await ask({})).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  await expect(fetch(ready.url.replace('https', 'http'))).rejects.toThrow()
})

test('whoever stands between with another certificate learns nothing, and the agent says what is wrong', async () => {
  await using other = serve('other')
  await other.until((line) => 'join' in line)
  const [cert, key] = await Promise.all(
    ['tls-cert.pem', 'tls-key.pem'].map((name) => readFile(folder.at('other', name))),
  )
  let overheard = ''
  const middle = createTlsServer({ ...(cert && { cert }), ...(key && { key }) }, (near) => {
    const far = connectTls({
      port: Number(new URL(ready.url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    near.on('data', (bytes) => {
      overheard += bytes.toString('latin1')
      far.write(bytes)
    })
    far.pipe(near)
    for (const socket of [near, far]) socket.on('error', () => near.destroy())
  })
  await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve))
  const link = linkAt((middle.address() as AddressInfo).port)
  await using agent = joinWith(link, 'victim')
  const { status, stderr } = await agent.ended
  expect([status, stderr]).toEqual([
    4,
    expect.stringMatching(/LRC-2018.*\n.*\n.*\n\s+to do: {4}Do not go on/),
  ])
  expect(overheard).toContain('GET /api/v1/coordinator')
  expect(overheard).not.toContain(link.split('#')[1]?.slice(0, 32))
  middle.close()
})

test('bytes that are passed on unread do no harm, and a link that was made plain gets nowhere', async () => {
  let isPlain = false
  const passing = createServer((near) => {
    const far = connectTcp(Number(new URL(ready.url).port), '127.0.0.1')
    near.once('data', (bytes: Buffer) => {
      isPlain ||= bytes[0] === 'P'.charCodeAt(0)
    })
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => near.destroy())
  })
  await new Promise<void>((resolve) => passing.listen(0, '127.0.0.1', resolve))
  const { port } = passing.address() as AddressInfo
  {
    await using agent = joinWith(linkAt(port), 'turin')
    await agent.until(({ event }) => event === 'connected')
  }
  expect(isPlain).toBe(false)
  await using downgraded = joinWith(linkAt(port, 'http'), 'lagos')
  expect((await downgraded.ended).status).toBe(5)
  await using far = joinWith(ready.join.replace(/^https:\/\/[\d.:]+/, 'http://192.0.2.1:7411'), 'far')
  const { status, stderr } = await far.ended
  expect([status, stderr]).toEqual([4, expect.stringContaining('LRC-2019')])
  passing.close()
})

test('the conformance suite holds over TLS, the certificate among its statements', async () => {
  const tool = fileURLToPath(new URL('../tools/dist/conformance/main.js', import.meta.url))
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: folder.at('coordinator', 'tls-cert.pem') }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [tool, ready.join, '--quick', '--json', '--token', ready.adminToken],
    { env, maxBuffer: 10_000_000 },
  )
  const { holds, findings } = JSON.parse(stdout) as {
    readonly holds: boolean
    readonly findings: readonly { readonly statement: string; readonly state: string }[]
  }
  expect(holds).toBe(true)
  expect(findings.find(({ statement }) => statement.startsWith('the certificate that is shown'))?.state).toBe(
    'holds',
  )
})
