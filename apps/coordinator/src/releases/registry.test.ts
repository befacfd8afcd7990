import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, type ReleaseManifest, SOFTWARE } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemHost } from '../host.js'
import { openRegistry } from './registry.js'

const identity = createIdentity()
const sha256 = 'ab'.repeat(32)
const manifest = (version: number, runName: string): ReleaseManifest => ({
  ...{ schema: 1, version, name: `v${version}`, runId: `${runName}-1`, runName, round: 1, parent: null },
  base: { sha256, name: 'm' },
  files: [{ path: 'adapter_model.safetensors', sha256, sizeBytes: 400 }],
  contributions: [{ agentId: 'cd'.repeat(16), name: 'oslo', updateSha256: sha256, weight: 1 }],
  evaluation: { loss: 2, tokens: 64, perAgent: [] },
  createdAt: '2026-01-02T03:04:05.000Z',
  software: SOFTWARE,
  coordinatorPublicKey: identity.publicKey,
})

test('releases of several runs at the same time get versions one after the other; one that is given up leaves no hole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-releases-'))
  const registry = await openRegistry(systemHost().disk, folder, identity, [])
  const release = (runName: string, isGivenUp = false) =>
    registry.withVersion(async (version) => {
      const prepared = await registry.prepare(manifest(version, runName))
      if (isGivenUp) throw new Error('cancelled')
      registry.confirm(prepared)
      return version
    })
  const ended = await Promise.allSettled([release('a'), release('b', true), release('c'), release('a')])
  expect(ended.map((one) => (one.status === 'fulfilled' ? one.value : 'given up'))).toEqual([
    1,
    'given up',
    2,
    3,
  ])
  expect(registry.all().map(({ name, manifest: { runName } }) => [name, runName])).toEqual([
    ['v1', 'a'],
    ['v2', 'c'],
    ['v3', 'a'],
  ])
  const again = await openRegistry(systemHost().disk, folder, identity, ['v1', 'v2', 'v3'])
  expect([again.nextVersion(), again.find('v2')?.manifest.runName]).toEqual([4, 'c'])
  await rm(folder, { recursive: true })
})
