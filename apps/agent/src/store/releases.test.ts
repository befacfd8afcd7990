import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors, rawTensor, readAdapter, type TensorMap } from '@lorica/peft-core'
import {
  createIdentity,
  type FileReference,
  pinnedTrust,
  type ReleaseManifest,
  signManifest,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBlobs } from './blobs.js'
import { openReleases } from './releases.js'

const coordinator = createIdentity()
const trust = async () => pinnedTrust(coordinator.publicKey)
const content = new Map(
  ['{"r":8}', 'weights of five', 'weights of six'].map((text) => {
    const bytes = Buffer.from(text)
    return [createHash('sha256').update(bytes).digest('hex'), bytes]
  }),
)
const [config, five, six] = [...content].map(([sha256, { byteLength }]) => ({
  sha256,
  sizeBytes: byteLength,
}))

function manifest(version: number, weights: Partial<FileReference>): ReleaseManifest {
  return {
    ...{
      schema: 1,
      version,
      name: `v${version}`,
      runId: 'r4',
      runName: 'tone',
      round: version,
      parent: null,
    },
    base: { sha256: 'cd'.repeat(32), name: 'tiny' },
    files: [
      { path: 'adapter_config.json', ...config } as FileReference,
      { path: 'adapter_model.safetensors', ...weights } as FileReference,
    ],
    contributions: [],
    evaluation: { loss: 2.5, tokens: 90, perAgent: [] },
    ...{ createdAt: '2026-03-04T05:06:07Z', software: 'test', coordinatorPublicKey: coordinator.publicKey },
  }
}

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-releases-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function open(base = 'cd'.repeat(32), own?: () => Promise<TensorMap | undefined>) {
  const blobs = openBlobs(join(folder, 'blobs'), async (file, offset, append) => {
    await append((content.get(file.sha256) as Buffer).subarray(offset))
  })
  return openReleases({
    folder: join(folder, 'r'),
    blobs,
    trust,
    baseOfRun: () => base,
    ...(own === undefined ? {} : { own }),
  })
}

test('a verified release becomes a PEFT folder with its proof', async () => {
  const release = signManifest(coordinator, manifest(5, five ?? {}))
  const taken = await open().take(release)
  expect(taken?.manifest.version).toBe(5)
  expect(await readFile(join(taken?.folder ?? '', 'adapter_model.safetensors'), 'utf8')).toBe(
    'weights of five',
  )
  expect(await readFile(join(taken?.folder ?? '', 'manifest.json'), 'utf8')).toBe(release.manifest)
  expect(await readFile(join(taken?.folder ?? '', 'manifest.sig'), 'utf8')).toBe(release.signature)
})

test('a release has beside it the same with the own parts of this agent, and its signed files stay what they are', async () => {
  const factor = (shape: number[], ...values: number[]) => ({ shape, data: Float32Array.from(values) })
  const [a, b] = ['A', 'B'].map((name) => `base_model.model.q.lora_${name}.weight`) as [string, string]
  const shared = new Map([
    [a, factor([1, 2], 3, 4)],
    [b, factor([2, 1], 0, 0)],
  ])
  const added = [
    JSON.stringify({ peft_type: 'LORA', r: 1, lora_alpha: 2, target_modules: ['q'] }),
    encodeSafetensors(new Map([...shared].map(([name, tensor]) => [name, rawTensor(tensor)]))),
  ].map((text) => {
    const bytes = Buffer.from(text)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    content.set(sha256, bytes)
    return { sha256, sizeBytes: bytes.byteLength }
  })
  const [files] = [manifest(7, {})].map(({ files }) => files)
  const named = { ...manifest(7, {}), files: files!.map((file, at) => ({ ...file, ...added[at] })) }
  const own = new Map([[b, factor([2, 1], 7.5, -9)]])
  const releases = open(undefined, async () => own)
  const taken = await releases.take(signManifest(coordinator, named))
  expect(taken?.personal).toBe(join(folder, 'r', 'v7', 'personal'))
  const completed = await readAdapter(taken?.personal ?? '')
  expect([...completed.tensors.values()].map(({ data }) => [...data])).toEqual([
    [3, 4],
    [7.5, -9],
  ])
  const signed = await readFile(join(taken?.folder ?? '', 'adapter_model.safetensors'))
  expect(createHash('sha256').update(signed).digest('hex')).toBe(added[1]?.sha256)
  expect(await releases.runs()).toEqual(new Set(['r4']))
})

test('the last three releases stay, and those that targets name, whatever versions were left out between', async () => {
  const signed = (version: number) => signManifest(coordinator, manifest(version, five ?? {}))
  const releases = open()
  for (const version of [3, 5, 9, 12]) await releases.take(signed(version))
  const names = async () => (await readdir(join(folder, 'r'))).toSorted()
  expect(await names()).toEqual(['latest.json', 'v12', 'v5', 'v9'])

  const again = await releases.hold(signed(5), ['v9'])
  expect([again.manifest.version, again.downloadedBytes]).toEqual([5, 0])
  await expect(releases.take(signed(6))).rejects.toMatchObject({ code: 'LRC-6006' })
  const newer = await releases.hold(signed(13), ['v5'])
  expect(newer.manifest.version).toBe(13)
  await releases.hold(signed(14), ['v13', 'v5'])
  expect(await names()).toEqual(['latest.json', 'v12', 'v13', 'v14', 'v5'])
  await writeFile(join(folder, 'r', 'v5', 'adapter_config.json'), 'other bytes')
  await releases.hold(signed(5), [])
  const files = await readdir(join(folder, 'r', 'v5'))
  expect(files).toContain('adapter_model.safetensors')
  expect(await readFile(join(folder, 'r', 'v5', 'adapter_config.json'), 'utf8')).not.toBe('other bytes')
})

test('a release that is in use already is taken in silence', async () => {
  const release = signManifest(coordinator, manifest(5, five ?? {}))
  await open().take(release)
  expect(await open().take(release)).toBeUndefined()
})

test('an older release and another one of the same version are refused, also after a restart', async () => {
  await open().take(signManifest(coordinator, manifest(6, six ?? {})))
  const releases = open()
  await expect(releases.take(signManifest(coordinator, manifest(5, five ?? {})))).rejects.toMatchObject({
    code: 'LRC-6006',
  })
  await expect(releases.take(signManifest(coordinator, manifest(6, five ?? {})))).rejects.toMatchObject({
    code: 'LRC-6006',
  })
  expect(await readdir(join(folder, 'r'))).toEqual(['latest.json', 'v6'])
})

test('a release by another key, or for another base, is refused and leaves nothing', async () => {
  const foreign = signManifest(createIdentity(), manifest(5, five ?? {}))
  await expect(open().take(foreign)).rejects.toMatchObject({ code: 'LRC-6005' })
  const release = signManifest(coordinator, manifest(5, five ?? {}))
  await expect(open('ef'.repeat(32)).take(release)).rejects.toMatchObject({
    ...{ code: 'LRC-6108', expected: 'ef'.repeat(32), received: 'cd'.repeat(32) },
  })
  await expect(readdir(join(folder, 'r'))).rejects.toThrow('ENOENT')
})

test('a release whose file is damaged on the way is refused', async () => {
  const blobs = openBlobs(join(folder, 'blobs'), async (file, _, append) =>
    append(new Uint8Array(file.sizeBytes)),
  )
  const releases = openReleases({
    ...{ folder: join(folder, 'r'), blobs, trust, baseOfRun: () => undefined },
  })
  const taken = releases.take(signManifest(coordinator, manifest(5, five ?? {})))
  await expect(taken).rejects.toMatchObject({ code: 'LRC-6007' })
  expect(await readdir(join(folder, 'r')).catch(() => [])).toEqual([])
})

test('a blob that changed on disk after it was checked does not get into a release', async () => {
  const blobs = openBlobs(join(folder, 'blobs'), async (file, offset, append) => {
    await append((content.get(file.sha256) as Buffer).subarray(offset))
  })
  const weights = { path: 'adapter_model.safetensors', ...five } as FileReference
  await writeFile(await blobs.ensure(weights), 'weights of fire') // one bit
  const options = { folder: join(folder, 'r'), blobs, trust }
  const releases = openReleases({ ...options, baseOfRun: () => 'cd'.repeat(32) })
  const taken = await releases.take(signManifest(coordinator, manifest(5, five ?? {})))
  expect(await readFile(join(taken?.folder ?? '', 'adapter_model.safetensors'), 'utf8')).toBe(
    'weights of five',
  )
})

test('a run counts while its first release is still on its way', async () => {
  let arrive = () => {}
  const arrived = new Promise<undefined>((resolve) => {
    arrive = () => resolve(undefined)
  })
  const releases = open(undefined, () => arrived)
  const taken = releases.take(signManifest(coordinator, manifest(5, five ?? {})))
  const runs = releases.runs()
  arrive()
  expect([...(await runs)]).toEqual(['r4'])
  expect((await taken)?.manifest.version).toBe(5)
})
