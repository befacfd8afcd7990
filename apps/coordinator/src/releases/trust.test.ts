import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createIdentity,
  introductionText,
  parseRoot,
  restoreIdentity,
  signRoot,
  textOfRoot,
  verifyRoot,
  verifySigned,
  verifyText,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemHost } from '../host.js'
import { ROOT_DAYS } from './next-root.js'
import { openTrust } from './trust.js'

const identity = createIdentity()
const { disk } = systemHost()
const START_MS = Date.parse('2026-03-04T05:06:07.000Z')
const DAY_MS = 86_400_000
let folder = ''
let now = START_MS
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-roots-'))
  now = START_MS
})
afterEach(() => rm(folder, { recursive: true }))
const open = (by = identity) => openTrust(disk, folder, { identity: by, nowMs: () => now })
const keys = async () => (await readdir(join(folder, 'keys'))).map((name) => name.replace('.json', ''))
const keyOf = async (id: string) =>
  restoreIdentity(JSON.parse(Buffer.from(await disk.read(join(folder, 'keys', `${id}.json`))).toString()))

test('a new folder gets a root and two keys, and every start finds them', async () => {
  const { root, prove, rootKeysHere } = await open()
  const again = await open()
  expect(again.root()).toEqual(root())
  expect(again.root()).toMatchObject({ version: 1, fleet: identity.publicKey, threshold: 1 })
  expect(Date.parse(root().expiresAt) - START_MS).toBe(ROOT_DAYS * DAY_MS)
  expect(await rootKeysHere()).toEqual(root().rootKeys)
  expect(prove('{"a":2.5}')).toEqual(again.prove('{"a":2.5}'))
  await expect(open(createIdentity())).rejects.toMatchObject({ code: 'LRC-5012' })
})

test('a rotation leaves only the new release key, and the roots lead from one to the other', async () => {
  const trust = await open()
  const old = trust.prove('x').key
  expect(await trust.rotate()).toMatchObject({ isPublished: true })
  const { version, releaseKeys } = trust.root()
  expect([version, releaseKeys.includes(old), await keys()]).toEqual([
    2,
    false,
    expect.objectContaining({ length: 2 }),
  ])
  const [first, second] = trust.roots()
  expect(verifyRoot(second!, verifyRoot(first!, null)).version).toBe(2)
  expect(trust.prove('x').key).toBe(releaseKeys[0])
  expect((await open()).prove('x')).toEqual(trust.prove('x'))
})

test('without its root keys a coordinator drafts, and takes what was signed elsewhere', async () => {
  const trust = await open()
  const [rootId] = (await Promise.all((await keys()).map(keyOf))).filter(({ publicKey }) =>
    trust.root().rootKeys.includes(publicKey),
  )
  await rm(join(folder, 'keys', `${rootId!.id}.json`)) // taken away while it runs
  expect(await trust.rootKeysHere()).toEqual([])
  const before = trust.prove('x').key
  const { root, isPublished } = await trust.rotate()
  expect([isPublished, root.signatures, trust.root().version]).toEqual([false, [], 1])
  await expect(trust.publish(root)).rejects.toMatchObject({ code: 'LRC-6104' })
  expect(trust.prove('x').key).toBe(before)
  const signed = signRoot(rootId!, root)
  expect((await trust.publish(signed)).version).toBe(2)
  expect(trust.prove('x').key).toBe(parseRoot(root.root).releaseKeys[0])
  await expect(trust.publish(signed)).rejects.toMatchObject({ code: 'LRC-6105' })
})

test('a root that names no key of this coordinator is not taken: nobody could sign under it', async () => {
  const trust = await open()
  const [rootKey] = (await Promise.all((await keys()).map(keyOf))).filter(({ publicKey }) =>
    trust.root().rootKeys.includes(publicKey),
  )
  const next = { ...trust.root(), version: 2, releaseKeys: [createIdentity().publicKey] }
  const signed = signRoot(rootKey!, { root: textOfRoot(next), signatures: [] })
  await expect(trust.publish(signed)).rejects.toMatchObject({ code: 'LRC-5012' })
  expect([trust.root().version, (await open()).root().version]).toEqual([1, 1])
})

test('a root is renewed in the last third of its life, and not before', async () => {
  const trust = await open()
  now = START_MS + 243 * DAY_MS // 365 - 365 / 3 is 243.3
  expect(await trust.renew()).toBe(false)
  now = START_MS + 244 * DAY_MS
  expect([await trust.renew(), await trust.renew()]).toEqual([true, false])
  expect(Date.parse(trust.root().expiresAt)).toBe(now + ROOT_DAYS * DAY_MS)
})

test('an agent is told the roots that it lacks, a new one all of them, introduced by the coordinator', async () => {
  const trust = await open()
  for (let version = 2; version <= 11; version++) await trust.rotate()
  const versions = (above: number) =>
    trust.letters(above).map(({ roots }) => roots.map(({ root }) => parseRoot(root).version))
  expect([versions(0), versions(1), versions(9), versions(11)]).toEqual([
    [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [9, 10, 11],
    ],
    [
      [2, 3, 4, 5, 6, 7, 8, 9],
      [10, 11],
    ],
    [[10, 11]],
    [],
  ])
  const { roots, introduction } = trust.letters(0)[0]!
  expect(verifyText(identity.publicKey, introductionText(roots[0]!.root), introduction)).toBe(true)
  const by = { fleet: identity.publicKey, root: trust.root(), past: [], nowMs: now }
  const { key } = trust.prove('x')
  expect(by.root.releaseKeys).toContain(key)
  expect(() => verifySigned({ text: 'x', signature: '', proof: trust.prove('x') }, by)).toThrow(
    'not have the signature',
  )
})
