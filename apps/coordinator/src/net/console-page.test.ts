import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startFleet } from '../fleet.fixture.js'
import { consolePage } from './console-page.js'
import { openHttp } from './http.js'

async function served(files: Readonly<Record<string, string>>, enter = () => {}) {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-page-'))
  await mkdir(join(folder, 'assets'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const app = openHttp(() => {})
  await consolePage(app, { folder, doorway: { enter } })
  return {
    get: (url: string, headers: Readonly<Record<string, string>> = {}) =>
      app.inject({ method: 'GET', url, headers }),
    async [Symbol.asyncDispose]() {
      await app.close()
      await rm(folder, { recursive: true })
    },
  }
}

test('the built files are served with their types, and nothing beside them', async () => {
  await using page = await served({
    'index.html': '<p>console</p>',
    'assets/a-1.js': 'let one',
    'notes.txt': 'no',
  })
  const [index, script] = [await page.get('/'), await page.get('/assets/a-1.js')]
  expect([index.statusCode, index.body, index.headers['content-type']]).toEqual([
    ...[200, '<p>console</p>', 'text/html; charset=utf-8'],
  ])
  expect(index.headers['cache-control']).toBe('no-store')
  expect(index.headers['content-security-policy']).toMatch(/^default-src 'self';(?!.*unsafe)/)
  expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const squeezed = await page.get('/assets/a-1.js', { 'accept-encoding': 'br, gzip' })
  expect(gunzipSync(squeezed.rawPayload).toString()).toBe('let one')
  for (const path of [
    '/notes.txt',
    '/assets/',
    '/assets/../index.html',
    '/%2e%2e/package.json',
    '/index.html',
  ])
    expect((await page.get(path)).statusCode).toBe(404)
})

test('a coordinator without the built console says so, and how to build it', async () => {
  await using page = await served({})
  const { statusCode, body } = await page.get('/')
  expect([statusCode, body]).toEqual([404, expect.stringContaining('npm run build')])
})

test('an address that asks for too much is told to wait', async () => {
  await using page = await served({ 'index.html': '<p>console</p>' }, () => {
    throw new LoricaError('LRC-2017', 'too many requests')
  })
  expect((await page.get('/')).statusCode).toBe(429)
})

test('an operator learns who it is, and which models there are to train', async () => {
  await using fleet = await startFleet()
  const { body: added } = await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'viewer' })
  const ask = async (token: string) =>
    await fetch(`${fleet.coordinator().url}/api/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })
  const { name, role, coordinatorId } = (await (await ask((added as { token: string }).token)).json()) as {
    readonly [field: string]: string
  }
  expect([name, role, coordinatorId]).toEqual(['ada', 'viewer', fleet.coordinator().coordinatorId])
  expect((await ask('nobody')).status).toBe(401)
  const bases = async () =>
    ((await fleet.api('GET', '/api/v1/bases')).body as { bases: readonly { path: string }[] }).bases
  expect((await bases()).filter(({ path }) => path === fleet.model)).toEqual([])
  await fleet.startRun()
  await fleet.startRun({ name: 'voice' })
  expect((await bases())[0]).toMatchObject({ path: fleet.model, runs: 2 })
})
