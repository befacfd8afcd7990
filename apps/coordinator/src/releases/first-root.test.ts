import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createIdentity,
  pinOf,
  type Root,
  restoreIdentity,
  type SignedRoot,
  signRoot,
  textOfRoot,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemHost } from '../host.js'
import { prepare, readGivenRoot } from './first-root.js'
import { openTrust } from './trust.js'

const { disk } = systemHost()
const DAY_MS = 86_400_000
const NOW_MS = Date.parse('2026-03-04T05:06:07.000Z')
const rootKeys = [createIdentity(), createIdentity(), createIdentity()] as const

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lorica-first-root-'))
})
afterEach(() => rm(dir, { recursive: true }))

const identityIn = async () => restoreIdentity(JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8')))
const open = async (given?: SignedRoot) =>
  openTrust(disk, join(dir, 'trust'), { identity: await identityIn(), nowMs: () => NOW_MS, given })

/** A root of two of three keys for the prepared coordinator, signed by as many as are said. */
async function ceremony(signers: number, changed: Partial<Root> = {}): Promise<SignedRoot> {
  const { fleet, releaseKey } = await prepare(disk, dir)
  const root: Root = {
    ...{ kind: 'root', schema: 1, fleet, version: 1, threshold: 2, revokedKeys: [] },
    ...{ rootKeys: rootKeys.map(({ publicKey }) => publicKey), releaseKeys: [releaseKey] },
    issuedAt: new Date(NOW_MS).toISOString(),
    expiresAt: new Date(NOW_MS + DAY_MS).toISOString(),
    ...changed,
  }
  const unsigned: SignedRoot = { root: textOfRoot(root), signatures: [] }
  return rootKeys.slice(0, signers).reduce((so, key) => signRoot(key, so), unsigned)
}

test('a coordinator begins with a root that was signed elsewhere, and never has a root key', async () => {
  const given = await ceremony(2)
  const { releaseKey } = await prepare(disk, dir)
  const trust = await open(given)
  expect([trust.isNew, trust.root().threshold, await trust.rootKeysHere()]).toEqual([true, 2, []])
  expect(trust.prove('x').key).toBe(releaseKey)
  expect(await readdir(join(dir, 'trust', 'keys'))).toHaveLength(1)
  for (const again of [await open(given), await open()]) {
    expect(again.isNew).toBe(false)
    expect(pinOf(again.roots()[0] as SignedRoot)).toEqual(pinOf(given))
  }
  await expect(prepare(disk, dir)).rejects.toMatchObject({ code: 'LRC-5013' })
})

test('what is prepared stays the same, and no root is made in its place', async () => {
  const prepared = await prepare(disk, dir)
  expect(await prepare(disk, dir)).toEqual(prepared)
  await expect(open()).rejects.toMatchObject({ code: 'LRC-5014' })
  expect((await readdir(join(dir, 'trust'))).sort()).toEqual(['keys', 'prepared.json'])
})

test.each([
  ['by too few of its keys', 'LRC-6104', () => ceremony(1)],
  ['for another coordinator', 'LRC-6106', () => ceremony(2, { fleet: createIdentity().publicKey })],
  [
    'with a release key of another machine',
    'LRC-5012',
    () => ceremony(2, { releaseKeys: [createIdentity().publicKey] }),
  ],
  ['of a later version', 'LRC-6105', () => ceremony(2, { version: 2 })],
  ['that has expired', 'LRC-6107', () => ceremony(2, { expiresAt: new Date(NOW_MS).toISOString() })],
])('a root %s is refused with %s, and the folder stays without one', async (_, code, make) => {
  const given = await make()
  await expect(open(given)).rejects.toMatchObject({ code })
  expect(await readdir(join(dir, 'trust'))).not.toContain('root-1.json')
})

test('a folder with a root takes no other one', async () => {
  await open(await ceremony(2))
  const { fleet } = (await open()).root()
  const [releaseKey] = (await open()).root().releaseKeys
  const root = { ...(await open()).root(), fleet, releaseKeys: [releaseKey as string], threshold: 1 }
  const other = signRoot(rootKeys[0], { root: textOfRoot(root), signatures: [] })
  await expect(open(other)).rejects.toMatchObject({
    code: 'LRC-5013',
    expected: expect.stringContaining(pinOf(other).fingerprint),
  })
})

test('a file that is no root is named', async () => {
  const path = join(dir, 'root.json')
  await writeFile(path, 'no root')
  await expect(readGivenRoot(disk, path)).rejects.toMatchObject({
    code: 'LRC-6103',
    message: expect.stringContaining(path),
  })
  await expect(readGivenRoot(disk, join(dir, 'none.json'))).rejects.toMatchObject({ code: 'LRC-6103' })
})
