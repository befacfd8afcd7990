import { expect, test } from 'vitest'
import { openShares, sealShares } from './sealed-shares.js'

const secret = new Uint8Array(32).fill(3)
const pair = { seedShare: new Uint8Array(33).fill(5), keyShare: new Uint8Array(33).fill(6) }
const context = { rosterDigest: new Uint8Array(32).fill(1), from: 'ana', to: 'ben' }

test('sealed shares open for the same secret, round and direction, and for nothing else', () => {
  const { sealed } = sealShares(secret, context, pair)
  expect(sealed).toHaveLength(82)
  expect(openShares(secret, context, sealed)).toEqual(pair)
  expect(openShares(secret.with(0, 4), context, sealed)).toBeNull()
  expect(openShares(secret, { ...context, from: 'ben', to: 'ana' }, sealed)).toBeNull()
  expect(openShares(secret, { ...context, rosterDigest: new Uint8Array(32) }, sealed)).toBeNull()
  expect(openShares(secret, context, sealed.subarray(1))).toBeNull()
  for (const at of [0, 40, 70])
    expect(openShares(secret, context, sealed.with(at, sealed[at]! ^ 1))).toBeNull()
})

test('no two directions or rounds share a keystream', () => {
  const bodyOf = (change: object) =>
    Buffer.from(sealShares(secret, { ...context, ...change }, pair).sealed.subarray(0, 66)).toString('hex')
  const bodies = [{}, { from: 'ben', to: 'ana' }, { to: 'cai' }, { rosterDigest: new Uint8Array(32) }].map(
    bodyOf,
  )
  expect(new Set(bodies).size).toBe(4)
})
