/** What an attacker may send who has the network, or some of the keys: after the list of The Update Framework. */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createIdentity,
  type FileReference,
  type Identity,
  introductionText,
  pinOf,
  proveText,
  type Release,
  type ReleaseManifest,
  type Root,
  type SignedRoot,
  signManifest,
  signRoot,
  signText,
  type TrustLetter,
  textOfRoot,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { download } from '../net/download.js'
import { createPace } from '../net/pace.js'
import { openBlobs } from './blobs.js'
import { latestRelease } from './kept-release.js'
import { openReleases } from './releases.js'
import { openTrust, readTrust } from './trust.js'

const [coordinator, other, first, second, third, online, next] = Array.from({ length: 7 }, () =>
  createIdentity(),
)
const DAY_MS = 86_400_000
const START_MS = Date.parse('2026-03-04T05:06:07.000Z')
const config = Buffer.from('{"r":8}')
const weights = Buffer.from('weights of seven')
const fileOf = (path: string, bytes: Buffer): FileReference => ({
  ...{ path, sizeBytes: bytes.byteLength },
  sha256: createHash('sha256').update(bytes).digest('hex'),
})
const files = [fileOf('adapter_config.json', config), fileOf('adapter_model.safetensors', weights)]

const base: ReleaseManifest = {
  ...{ schema: 1, version: 7, name: 'v7', runId: 'tone-1', runName: 'tone', round: 3, parent: 'v6' },
  base: { sha256: 'cd'.repeat(32), name: 'tiny' },
  files,
  contributions: [],
  evaluation: { loss: 2.5, tokens: 90, perAgent: [] },
  ...{ createdAt: '2026-03-04T05:06:07Z', software: 'test', coordinatorPublicKey: coordinator!.publicKey },
}
const rootOf = (changed: Partial<Root>): Root => ({
  ...{ kind: 'root', schema: 1, fleet: coordinator!.publicKey, version: 1, threshold: 2 },
  rootKeys: [first, second, third].map((key) => key!.publicKey),
  releaseKeys: [online!.publicKey],
  revokedKeys: [],
  issuedAt: new Date(START_MS).toISOString(),
  expiresAt: new Date(START_MS + 365 * DAY_MS).toISOString(),
  ...changed,
})
const signedBy = (root: Root, keys: readonly (Identity | undefined)[]): SignedRoot =>
  keys.reduce<SignedRoot>((so, key) => signRoot(key!, so), { root: textOfRoot(root), signatures: [] })
const letterOf = (roots: readonly SignedRoot[], by = coordinator): TrustLetter => ({
  roots: [...roots],
  introduction: signText(by!, introductionText(roots[0]!.root)),
})
const firstRoot = signedBy(rootOf({}), [first, second])
const released = (changed: Partial<ReleaseManifest>, key = online, by = coordinator): Release => {
  const signed = signManifest(by!, { ...base, ...changed })
  return { ...signed, proof: proveText(key!, signed.manifest) }
}

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-trust-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** An agent that trusts the first root and has release v6, and what its coordinator sends for the bytes it asks for. */
async function agent(send: (asked: Buffer) => Uint8Array = (asked) => asked) {
  const clock = { nowMs: START_MS + DAY_MS }
  const trust = openTrust(folder, coordinator!.publicKey, { nowMs: () => clock.nowMs })
  const kept = new Map([config, weights].map((bytes) => [fileOf('', bytes).sha256, bytes]))
  const blobs = openBlobs(join(folder, 'blobs'), (file, offset, append) =>
    download(file, offset, append, {
      request: (async (
        _: string,
        { sha256, offset: from, length }: { sha256: string; offset: number; length: number },
      ) => {
        const whole = kept.get(sha256) as Buffer
        return { bytes: send(whole.subarray(from, from + length)), sizeBytes: whole.byteLength }
      }) as Parameters<typeof download>[3]['request'],
      pace: createPace({ chunkBytes: 65_536, windowChunks: 4 }),
      clock: systemClock(),
    }),
  )
  const releases = openReleases({
    ...{ folder: join(folder, 'releases'), blobs, trust: trust.current },
    baseOfRun: () => base.base.sha256,
  })
  if ((await trust.version()) === 0) await trust.take(letterOf([firstRoot]))
  const tell = async (given: Release | readonly SignedRoot[]) =>
    'manifest' in given
      ? (await releases.take(given))?.manifest.name
      : (await trust.take(letterOf(given)))?.version
  return { clock, trust, releases, tell }
}

const v6 = () => released({ version: 6, name: 'v6' })
const v2 = (changed: Partial<Root>, ...keys: (Identity | undefined)[]) => [
  signedBy(rootOf({ version: 2, ...changed }), keys),
]
const changed = (release: Release, from: string, to: string): Release => ({
  ...release,
  manifest: release.manifest.replace(from, to),
})
const foreign = () => released({ coordinatorPublicKey: other!.publicKey }, online, other)

/** What is sent, and the code that it is refused with. */
const attacks: readonly (readonly [string, string, () => Release | readonly SignedRoot[]])[] = [
  ['a release whose text was changed', 'LRC-6005', () => changed(released({}), '"loss":2.5', '"loss":1.5')],
  ['a release by a key that the root does not name', 'LRC-6101', () => released({}, next)],
  [
    'a release that only the coordinator signed, as before there were roots',
    'LRC-6101',
    () => signManifest(coordinator!, base),
  ],
  ['a release signed with a root key', 'LRC-6101', () => released({}, first)],
  [
    'a root that says something else than it has to',
    'LRC-6103',
    () => [{ root: '{"kind":"root"}', signatures: [] }],
  ],
  ['a root with one signature of the two it needs', 'LRC-6104', () => v2({}, first)],
  [
    'a root by keys that the one before does not know',
    'LRC-6104',
    () => v2({ rootKeys: [next!.publicKey], threshold: 1 }, next),
  ],
  ['a root that leaves one out', 'LRC-6105', () => v2({ version: 3 }, first, second)],
  [
    'another root of the version that is trusted',
    'LRC-6105',
    () => v2({ version: 1, threshold: 1 }, first, second),
  ],
  ['a root of another fleet', 'LRC-6106', () => v2({ fleet: other!.publicKey }, first, second)],
  ['a release of another fleet', 'LRC-6106', foreign],
  [
    'a release for another base',
    'LRC-6108',
    () => released({ base: { sha256: 'ef'.repeat(32), name: 'tiny' } }),
  ],
  ['a release under another name', 'LRC-6109', () => released({ name: 'v8' })],
  [
    'a release of more bytes than an adapter has',
    'LRC-6110',
    () => released({ files: [{ ...files[1]!, sizeBytes: 5e9 }] }),
  ],
  [
    'a release with a program in it',
    'LRC-6111',
    () => released({ files: [...files, fileOf('run.py', config)] }),
  ],
  ['a release older than the one in use', 'LRC-6006', () => released({ version: 5, name: 'v5' })],
  ['another release of the version in use', 'LRC-6006', () => released({ version: 6, name: 'v6', round: 2 })],
]

test.each(attacks)('%s is refused with %s, and what is in use stays', async (_, code, attack) => {
  const { tell, trust } = await agent()
  expect(await tell(v6())).toBe('v6')
  const before = await readFile(join(folder, 'trust.json'), 'utf8')
  await expect(tell(attack())).rejects.toMatchObject({ code })
  expect(await readFile(join(folder, 'trust.json'), 'utf8')).toBe(before)
  expect(await readdir(join(folder, 'releases'))).toEqual(['latest.json', 'v6'])
  expect((await latestRelease(join(folder, 'releases'), await trust.current()))?.manifest.name).toBe('v6')
  expect(await tell(released({}))).toBe('v7')
})

test('a release by a revoked key is refused, and so is what is kept by it; a fast-forward is undone with its key', async () => {
  const { tell, trust } = await agent()
  await tell(v6())
  expect(await tell(released({ version: 900_000_000, name: 'v900000000' }))).toBe('v900000000') // the key was stolen
  const revoking = v2({ releaseKeys: [next!.publicKey], revokedKeys: [online!.publicKey] }, first, third)
  expect(await tell(revoking)).toBe(2)
  await expect(tell(released({ version: 900_000_001, name: 'v900000001' }))).rejects.toMatchObject({
    code: 'LRC-6102',
  })
  const keptNow = latestRelease(join(folder, 'releases'), await trust.current())
  await expect(keptNow).rejects.toMatchObject({ code: 'LRC-6102' })
  expect(await tell(released({}, next))).toBe('v7')
  await expect(tell(released({ version: 6, name: 'v6' }, next))).rejects.toMatchObject({ code: 'LRC-6006' })
})

test('a key that was retired signs nothing new, and what it signed stays good', async () => {
  const { tell } = await agent()
  await tell(v6())
  expect(await tell(v2({ releaseKeys: [next!.publicKey] }, second, third))).toBe(2)
  await expect(tell(released({}))).rejects.toMatchObject({ code: 'LRC-6101' })
  const trust = await readTrust(folder, coordinator!.publicKey, START_MS)
  expect((await latestRelease(join(folder, 'releases'), trust))?.manifest.name).toBe('v6')
})

test('an agent that is kept from newer roots notices when its own has expired; what it has stays in use', async () => {
  const { tell, clock, trust } = await agent()
  await tell(v6())
  clock.nowMs = START_MS + 365 * DAY_MS
  await expect(tell(released({}))).rejects.toMatchObject({ code: 'LRC-6107' })
  expect((await latestRelease(join(folder, 'releases'), await trust.current()))?.manifest.name).toBe('v6')
  const later = { issuedAt: new Date(clock.nowMs).toISOString(), expiresAt: '2028-01-01T00:00:00.000Z' }
  await tell(v2(later, first, second))
  expect(await tell(released({}))).toBe('v7')
})

test('bytes that are not of the manifest, and bytes without end, do not become a release', async () => {
  const mixed = await agent((asked) => Buffer.alloc(asked.byteLength, 7)) // of another release, as many
  await expect(mixed.tell(released({}))).rejects.toMatchObject({ code: 'LRC-6007' })
  const endless = await agent((asked) => Buffer.concat([asked, Buffer.alloc(100_000)]))
  await expect(endless.tell(released({}))).rejects.toMatchObject({ code: 'LRC-6110' })
  expect(await readdir(join(folder, 'releases')).catch(() => [])).toEqual([])
})

test('the first root is the one that the coordinator of the join link introduces, and no later one takes its place', async () => {
  const trust = openTrust(folder, coordinator!.publicKey, { nowMs: () => START_MS })
  expect((await trust.current()).root).toBe(null)
  await expect(trust.take(letterOf([firstRoot], other))).rejects.toMatchObject({ code: 'LRC-2004' })
  const roots = [firstRoot, ...v2({ releaseKeys: [next!.publicKey] }, first, second)]
  expect((await trust.take(letterOf(roots)))?.version).toBe(2)
  expect(await trust.take(letterOf(roots))).toBeUndefined()
  const own = signedBy(rootOf({ rootKeys: [other!.publicKey], threshold: 1 }), [other])
  await expect(trust.take(letterOf([own]))).rejects.toMatchObject({ code: 'LRC-6105' })
  const again = openTrust(folder, coordinator!.publicKey, { nowMs: () => START_MS })
  expect([await again.version(), (await again.current()).past]).toEqual([
    2,
    [online!.publicKey, next!.publicKey],
  ])
  await writeFile(join(folder, 'trust.json'), '{"schema":1,"roots":[]}')
  await expect(again.current()).rejects.toMatchObject({ code: 'LRC-8003' })
})

/** The trust of an agent whose join link names a root. */
const pinnedTo = (root: SignedRoot) =>
  openTrust(folder, coordinator!.publicKey, { nowMs: () => START_MS + DAY_MS, pin: pinOf(root) })

test('the root that a join link names is taken, and what follows from it', async () => {
  const second = v2({ releaseKeys: [next!.publicKey] }, first, third)
  const trust = pinnedTo(firstRoot)
  expect(await trust.version()).toBe(0)
  expect(await trust.take(letterOf([firstRoot, ...second]))).toMatchObject({ version: 2 })
  expect((await trust.current()).root?.releaseKeys).toEqual([next!.publicKey])
})

test('a link made later names a later root: those before it are not asked for', async () => {
  const [second] = v2({ releaseKeys: [next!.publicKey] }, first, third) as [SignedRoot]
  const trust = pinnedTo(second)
  expect(await trust.version()).toBe(1)
  await expect(trust.take(letterOf([firstRoot]))).rejects.toMatchObject({ code: 'LRC-6112' })
  expect(await trust.take(letterOf([second]))).toMatchObject({ version: 2 })
})

test('another root than that of the join link is refused, whoever introduces it, and nothing is trusted', async () => {
  const trust = pinnedTo(firstRoot)
  const own = signedBy(rootOf({ rootKeys: [other!.publicKey], threshold: 1 }), [other])
  await expect(trust.take(letterOf([own]))).rejects.toMatchObject({
    code: 'LRC-6112',
    expected: `the fingerprint ${pinOf(firstRoot).fingerprint}`,
  })
  const later = signedBy(rootOf({ version: 9, rootKeys: [other!.publicKey], threshold: 1 }), [other])
  await expect(trust.take(letterOf([later]))).rejects.toMatchObject({ code: 'LRC-6112' })
  await expect(trust.current()).rejects.toMatchObject({ code: 'LRC-6112', received: 'no root' })
  expect(await readdir(folder)).toEqual([])
})
