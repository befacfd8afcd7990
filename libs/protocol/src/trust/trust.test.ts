import { expect, test } from 'vitest'
import { createIdentity, signText } from '../signing/identity.js'
import { type Root, textOfRoot } from './root.js'
import { type SignedRoot, signersAmong, signRoot, verifyRoot } from './signed-root.js'
import { pinnedTrust, proveText, type Trust, verifySigned } from './trust.js'

const [coordinator, one, two, three, online, next] = Array.from({ length: 6 }, createIdentity)
const root: Root = {
  ...{ kind: 'root', schema: 1, fleet: coordinator!.publicKey, version: 1, threshold: 2 },
  rootKeys: [one!.publicKey, two!.publicKey, three!.publicKey],
  releaseKeys: [online!.publicKey],
  revokedKeys: [],
  ...{ issuedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2027-01-01T00:00:00.000Z' },
}
const signed = (changed: Partial<Root>, ...keys: (typeof one)[]): SignedRoot =>
  keys.reduce((so, key) => signRoot(key!, so), {
    root: textOfRoot({ ...root, ...changed }),
    signatures: [],
  } as SignedRoot)
const refused = (code: string) => expect.objectContaining({ code })

test('a root counts each of its keys once, and only over its own text', () => {
  const first = signed({}, one, three)
  expect(verifyRoot(first, null)).toEqual(root)
  expect(signRoot(one!, first)).toEqual(first)
  const twice = { ...first, signatures: [first.signatures[0]!, first.signatures[0]!] }
  expect([signersAmong(first, root.rootKeys), signersAmong(twice, root.rootKeys)]).toEqual([2, 1])
  const moved = { root: signed({ version: 2 }).root, signatures: first.signatures }
  for (const bad of [twice, moved, signed({}, one), signed({}, one, online)])
    expect(() => verifyRoot(bad, null)).toThrow(refused('LRC-6104'))
})

test('the next root is signed by the keys before it and by its own', () => {
  const handedOver = { version: 2, rootKeys: [next!.publicKey, one!.publicKey], threshold: 1 }
  expect(verifyRoot(signed(handedOver, one, two), root).version).toBe(2) // one is of both
  expect(() => verifyRoot(signed(handedOver, one, next), root)).toThrow(refused('LRC-6104'))
  const replaced = { version: 2, rootKeys: [next!.publicKey], threshold: 1 }
  expect(() => verifyRoot(signed(replaced, one, two), root)).toThrow(refused('LRC-6104'))
  expect(verifyRoot(signed(replaced, one, two, next), root).rootKeys).toEqual([next!.publicKey])
})

test('a root is the next one, of the same fleet, and names no key twice', () => {
  for (const version of [1, 3])
    expect(() => verifyRoot(signed({ version }, one, two), root)).toThrow(refused('LRC-6105'))
  const foreign = signed({ version: 2, fleet: next!.publicKey }, one, two)
  expect(() => verifyRoot(foreign, root)).toThrow(refused('LRC-6106'))
  expect(() => textOfRoot({ ...root, threshold: 4 })).toThrow('at most as many')
  expect(() => textOfRoot({ ...root, revokedKeys: [online!.publicKey] })).toThrow('each key once')
  const spaced = { ...signed({}, one, two), root: JSON.stringify(root) }
  expect(() => verifyRoot(spaced, null)).toThrow(refused('LRC-6103'))
})

test('a text needs the release key in force; what is kept, one that was in force and is not revoked', () => {
  const text = '{"a":2.5}'
  const signature = signText(coordinator!, text)
  const trust = (changed: Partial<Root>, past: readonly string[] = []): Trust => ({
    ...{ fleet: coordinator!.publicKey, root: { ...root, ...changed }, past },
    nowMs: Date.parse('2026-12-31T23:59:59.000Z'),
  })
  const proven = { text, signature, proof: proveText(online!, text) }
  const check =
    (given: typeof proven, by: Trust, isKept = false) =>
    () =>
      verifySigned(given, by, isKept)
  expect(check(proven, trust({}))).not.toThrow()
  expect(() => verifySigned({ text, signature }, pinnedTrust(coordinator!.publicKey))).not.toThrow()
  expect(() => verifySigned({ text, signature }, trust({}))).toThrow(refused('LRC-6101'))
  expect(check({ ...proven, proof: proveText(next!, text) }, trust({}))).toThrow(refused('LRC-6101'))
  expect(check({ ...proven, proof: proveText(one!, text) }, trust({}))).toThrow(refused('LRC-6101'))
  expect(check({ ...proven, text: '{"a":3.5}' }, trust({}))).toThrow(refused('LRC-6005'))
  expect(check({ ...proven, signature: signText(next!, text) }, trust({}))).toThrow(refused('LRC-6005'))
  const rotated = { releaseKeys: [next!.publicKey] }
  const past = [online!.publicKey]
  expect(check(proven, trust(rotated, past))).toThrow(refused('LRC-6101'))
  expect(check(proven, trust({ ...rotated, expiresAt: root.issuedAt }, past), true)).not.toThrow()
  expect(check(proven, trust({ expiresAt: '2026-12-31T23:59:59.000Z' }))).toThrow(refused('LRC-6107'))
  const revoking = { ...rotated, revokedKeys: past }
  for (const isKept of [false, true])
    expect(check(proven, trust(revoking, past), isKept)).toThrow(refused('LRC-6102'))
})
