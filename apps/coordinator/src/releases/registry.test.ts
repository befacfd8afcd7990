import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, manifestId, type ReleaseManifest, SOFTWARE } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemHost } from '../host.js'
import { openRegistry, type ReleaseName } from './registry.js'

const identity = createIdentity()
const { disk } = systemHost()
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
  const names: ReleaseName[] = []
  const registry = await openRegistry(disk, folder, identity, () => names)
  const release = (runName: string, isGivenUp = false) =>
    registry.withVersion(async (version) => {
      const prepared = await registry.prepare(manifest(version, runName))
      if (isGivenUp) throw new Error('cancelled')
      names.push({ name: `v${version}`, id: manifestId(prepared) }) // as the journal does
      await registry.confirm(prepared)
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
  const again = await openRegistry(disk, folder, identity, () => names)
  expect([again.nextVersion(), again.find('v2')?.manifest.runName]).toEqual([4, 'c'])
  await rm(folder, { recursive: true })
})

test('the journal decides which manifest is the release, whoever wrote last and wherever a crash came', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-releases-'))
  const names: ReleaseName[] = []
  const [first, replaced] = await Promise.all(
    [0, 1].map(() => openRegistry(disk, folder, identity, () => names)),
  )
  const kept = await first!.prepare(manifest(1, 'kept'))
  names.push({ name: 'v1', id: manifestId(kept) })
  await replaced!.prepare(manifest(1, 'late')) // its journal refuses the line, so it is never confirmed
  // the first one crashes before it confirms
  const next = await openRegistry(disk, folder, identity, () => names)
  expect(next.find('v1')?.manifest.runName).toBe('kept')
  await first!.confirm(kept) // it was only paused
  const again = await openRegistry(disk, folder, identity, () => names)
  expect([again.find('v1')?.manifest.runName, again.nextVersion()]).toEqual(['kept', 2])
  const other: readonly ReleaseName[] = [{ name: 'v1', id: 'cd'.repeat(32) }]
  await expect(openRegistry(disk, folder, identity, () => other)).rejects.toMatchObject({ code: 'LRC-5002' })
  await rm(folder, { recursive: true })
})

test.each(['list', 'rename'] as const)(
  'a coordinator that was replaced at the %s of giving a release its name takes nothing away',
  async (step) => {
    const folder = await mkdtemp(join(tmpdir(), 'lorica-releases-'))
    const names: ReleaseName[] = []
    const leads = await openRegistry(disk, folder, identity, () => names)
    const release = await leads.prepare(manifest(1, 'kept'))
    const stopped = await openRegistry(
      {
        ...disk,
        async list(place) {
          const before = await disk.list(place)
          if (step === 'list') await leads.confirm(release) // meanwhile the other one gave it
          return before
        },
        async rename(from, to) {
          if (step === 'rename') await leads.confirm(release)
          await disk.rename(from, to)
        },
      },
      folder,
      identity,
      () => names,
    )
    await stopped.confirm(release)
    names.push({ name: 'v1', id: manifestId(release) })
    const again = await openRegistry(disk, folder, identity, () => names)
    expect(again.find('v1')?.id).toBe(manifestId(release))
    await rm(folder, { recursive: true })
  },
)
