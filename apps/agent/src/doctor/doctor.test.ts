import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, createToken, joinLink } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../config.js'
import { systemHost } from '../host.js'
import { examine } from './examine.js'
import { exitCodeOf, type Finding, findingLines } from './finding.js'
import { examineFleet } from './fleet.js'

let folder = ''
let server: Server | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-doctor-'))
})
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
  await rm(folder, { recursive: true, force: true })
})

/** An HTTP server that is well, and whose clock is `aheadMs` ahead. */
async function well(aheadMs = 0, status = 200): Promise<string> {
  server = createServer((_, answer) => {
    answer.setHeader('date', new Date(Date.now() + aheadMs).toUTCString())
    answer.writeHead(status).end('{"ok":true}')
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const { publicKey } = createIdentity()
const linkTo = (url: string) => joinLink(url, createToken(publicKey))
const of = (findings: readonly Finding[], check: string) =>
  findings.find((finding) => finding.check === check)
const host = systemHost()
const fleet = (url: string, more: Partial<Parameters<typeof examineFleet>[0]> = {}) =>
  examineFleet({
    ...{ coordinator: { url, pin: 'x' }, isInsecure: false, uplink: undefined },
    ...{ environment: {}, clock: host.clock, ...more },
  })

test('before it joins, a machine with data and a reachable coordinator can work', async () => {
  const text = join(folder, 'notes.txt')
  await writeFile(text, 'one\n\ntwo\n\nthree\n')
  const config = parseConfig(['doctor', linkTo(await well()), '--dir', join(folder, 'agent'), '--data', text])
  const findings = await examine(config, host)
  expect(findings.map(({ check }) => check)).toEqual([
    ...['gpu and driver', 'runtime', 'one training step', 'disk', 'data', 'policy'],
    ...['proxy', 'coordinator', 'tls', 'clock', 'latency', 'uplink'],
  ])
  expect(findings.filter(({ state }) => state === 'problem')).toEqual([])
  expect(of(findings, 'one training step')?.found).toMatch(/^loss \d\.\d{3}, \d+ ms/)
  expect(of(findings, 'data')?.found).toMatch(/^1 file, 3 paragraphs/)
  expect(exitCodeOf(findings)).toBe(0)
  expect(findingLines(findings).at(-1)).toBe('This machine can work for its fleet.')
})

test('what stands in the way comes with its way out, and the exit code says where it is', async () => {
  await writeFile(join(folder, 'policy.yaml'), 'maxRank: many\n')
  const missing = join(folder, 'gone.txt')
  const dead = await well()
  server?.close()
  const config = parseConfig([
    'doctor',
    linkTo(dead),
    '--dir',
    folder,
    '--data',
    missing,
    '--device',
    'coreml',
  ])
  const findings = await examine(config, host)
  expect(of(findings, 'data')).toMatchObject({
    state: 'problem',
    code: 'LRC-6001',
    found: `${missing}: there is no such file`,
  })
  expect(of(findings, 'policy')).toMatchObject({ state: 'problem', code: 'LRC-6004' })
  expect(of(findings, 'coordinator')).toMatchObject({ state: 'problem', code: 'LRC-8002' })
  if (process.platform !== 'darwin') expect(of(findings, 'runtime')).toMatchObject({ code: 'LRC-6012' })
  for (const { state, fix } of findings) if (state === 'problem') expect(fix).toBeTruthy()
  expect(exitCodeOf(findings)).toBe(3)
  const lines = findingLines(findings).join('\n')
  expect(lines).toContain('how to fix: ')
  expect(lines).toMatch(/\d to fix before it can work\.$/)
})

test('a coordinator that alone is away has an exit code of its own, and so has one with another key', () => {
  const problem = (code: string): Finding => ({ check: 'coordinator', state: 'problem', found: 'x', code })
  expect(exitCodeOf([problem('LRC-8002')])).toBe(5)
  expect(exitCodeOf([problem('LRC-8002'), problem('LRC-6001')])).toBe(3)
  expect(exitCodeOf([problem('LRC-2008'), problem('LRC-6001')])).toBe(4)
})

test('a clock that is off by more than a minute is told in seconds', async () => {
  expect(of(await fleet(await well(-150_000)), 'clock')).toMatchObject({
    ...{ state: 'warning', found: '150 s ahead of the coordinator' },
  })
  server?.close()
  expect(of(await fleet(await well(3 * 3_600_000)), 'clock')?.found).toMatch(/^10(800|799) s behind/)
  server?.close()
  expect(of(await fleet(await well(20_000)), 'clock')?.state).toBe('ok')
})

test('an address that is no coordinator, plain HTTP beyond this machine, and proxies are told', async () => {
  const other = await fleet(await well(0, 404))
  expect(of(other, 'coordinator')).toMatchObject({ state: 'problem', code: 'LRC-8002' })
  expect(of(other, 'latency')).toBeUndefined()
  const plain = await fleet('http://0.0.0.0:1')
  expect(of(plain, 'tls')).toMatchObject({ state: 'problem', code: 'LRC-2019' })
  const proxied = await fleet(await well(), {
    environment: { HTTPS_PROXY: 'http://proxy:3128', http_proxy: '' },
  })
  expect(of(proxied, 'proxy')).toMatchObject({
    state: 'warning',
    found: 'HTTPS_PROXY is set, and the agent connects without it',
  })
})

test('plain HTTP is well on this machine, and a risk that is told where its owner allows it beyond', async () => {
  const near = of(await fleet(await well()), 'tls')
  expect(near).toEqual({ check: 'tls', state: 'ok', found: 'plain HTTP, which does not leave this machine' })
  const far = of(await fleet('http://0.0.0.0:1', { isInsecure: true }), 'tls')
  expect(far).toMatchObject({ state: 'warning', found: expect.stringContaining('as its owner allows it') })
  expect(far?.fix).toContain('--tls self')
})

test('the uplink is that of the last update', async () => {
  const uplink = { at: '2026-05-04T03:02:01Z', sizeBytes: 3_000_000, ms: 1200 }
  expect(of(await fleet(await well(), { uplink }), 'uplink')?.found).toMatch(
    /^2\.50 MB\/s: 3000000 bytes in 1200 ms/,
  )
})
