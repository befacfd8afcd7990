import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReleaseView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lorica-aliases-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

test('an alias names a release, moves at once, is there after a restart, and never names what is not whole', async () => {
  await using fleet = await startFleet(root)
  await startAgent(fleet, 'graz', { delta: 2 })
  await startAgent(fleet, 'oslo', { delta: 4 })
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  const set = (alias: string, release: string) => fleet.api('POST', `/api/v1/aliases/${alias}`, { release })
  expect((await set('champion', 'v1')).body).toEqual({ alias: 'champion', release: 'v1', before: null })
  expect((await set('candidate', 'v2')).body).toMatchObject({ release: 'v2' })
  expect((await set('champion', 'candidate')).body).toEqual({
    alias: 'champion',
    release: 'v2',
    before: 'v1',
  })
  const named = (await fleet.api('GET', '/api/v1/releases/champion')).body as ReleaseView
  expect(named.name).toBe('v2')
  expect(await set('v7', 'v1')).toMatchObject({ body: { code: 'LRC-3018', status: 400 } })
  expect((await set('pilot', 'v3')).body).toMatchObject({ code: 'LRC-3007', status: 404 })
  expect((await fleet.api('POST', '/api/v1/aliases/pilot/remove', {})).body).toMatchObject({
    ...{ code: 'LRC-3018', expected: 'candidate, champion' },
  })

  await fleet.restart()
  expect((await fleet.api('GET', '/api/v1/aliases')).body).toEqual({
    aliases: { candidate: 'v2', champion: 'v2' },
  })
  const { sha256 } = named.manifest.files.find(({ path }) => path.endsWith('.safetensors')) as {
    sha256: string
  }
  const folder = join(root, 'coordinator', 'blobs', sha256.slice(0, 2))
  expect(await readdir(folder)).toContain(sha256)
  await writeFile(join(folder, sha256), 'other bytes')
  expect((await set('pilot', 'v2')).body).toMatchObject({ code: 'LRC-5002' })
  expect((await fleet.api('POST', '/api/v1/aliases/candidate/remove', {})).body).toEqual({
    alias: 'candidate',
    before: 'v2',
  })
  expect((await fleet.api('GET', '/api/v1/releases')).body).toMatchObject({ aliases: { champion: 'v2' } })
})

test('a release that an audit refutes loses its aliases, gets none, and says why, also after a restart', async () => {
  const folder = await mkdtemp(join(root, 'audited-'))
  await using fleet = await startFleet(folder)
  for (const name of ['graz', 'oslo', 'turin']) await startAgent(fleet, name, { delta: 0.001, tokens: 40 })
  const dp = { unit: 'site', noiseMultiplier: 4, delta: 1e-5, budget: { epsilon: 8 } }
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 }, privacy: { clip: 1, dp } })
  await fleet.event(runId, 'run-ended')
  const { manifest } = (await fleet.api('GET', '/api/v1/releases/v1')).body as ReleaseView
  expect(manifest.privacy?.epsilon).toBeLessThan(1.5)
  expect((await fleet.api('POST', '/api/v1/aliases/champion', { release: 'v1' })).status).toBe(200)
  const finding = { canaries: 200, guesses: 40, correct: 24, delta: 1e-5, significance: 0.05 }
  const audit = (more: object) =>
    fleet.api('POST', '/api/v1/releases/champion/audits', { ...finding, ...more })
  expect((await audit({})).body).toMatchObject({ release: 'v1', verdict: 'holds' })
  expect((await audit({ correct: 41 })).body).toMatchObject({ code: 'LRC-3001' })
  expect((await audit({ correct: -1 })).body).toMatchObject({ code: 'LRC-1007' })
  expect((await audit({ correct: 38 })).body).toMatchObject({ verdict: 'refuted' })
  expect((await fleet.api('GET', '/api/v1/aliases')).body).toEqual({ aliases: {} })
  await fleet.restart()
  expect((await fleet.api('POST', '/api/v1/aliases/champion', { release: 'v1' })).body).toMatchObject({
    code: 'LRC-3017',
  })
  const view = (await fleet.api('GET', '/api/v1/releases/v1')).body as ReleaseView
  expect(view.audits?.map(({ verdict }) => verdict)).toEqual(['holds', 'refuted'])
})
