import { expect, test } from 'vitest'
import { parseSumRoster } from '../messages/sum-roster.js'
import { createIdentity, type Identity, signText } from './identity.js'
import { followsKnown, type KeyRotation, rotationsIn, rotationsText } from './key-chain.js'
import { rotateText } from './proof.js'

const coordinator = 'c'.repeat(32)
const [first, second, third, thief] = Array.from({ length: 4 }, createIdentity) as [
  Identity,
  Identity,
  Identity,
  Identity,
]
const link = (before: Identity, next: Identity, signer = before): KeyRotation => {
  const nonce = 'n'.repeat(24)
  const signature = signText(signer, rotateText(coordinator, nonce, next.publicKey))
  return { publicKey: before.publicKey, nonce, signature }
}
const rotations = [link(first, second), link(second, third)]
const { publicKey } = third
const is = (known: Identity) => (key: string) => key === known.publicKey

test('a key follows from each of those before it', () => {
  for (const known of [first, second, third])
    expect(followsKnown({ publicKey, rotations }, coordinator, is(known))).toBe(true)
  expect(followsKnown({ publicKey: first.publicKey }, coordinator, is(first))).toBe(true)
})

test('a key that nobody knows, an older one, and one without its chain do not', () => {
  expect(followsKnown({ publicKey, rotations }, coordinator, is(thief))).toBe(false)
  expect(followsKnown({ publicKey }, coordinator, is(first))).toBe(false)
  const older = { publicKey: second.publicKey, rotations: [link(first, second)] }
  expect(followsKnown(older, coordinator, is(third))).toBe(false)
})

test('a rotation that its key did not sign, for this next key and this coordinator, breaks the chain from there', () => {
  const forged = [link(first, second, thief), link(second, third)]
  expect(followsKnown({ publicKey, rotations: forged }, coordinator, is(first))).toBe(false)
  expect(followsKnown({ publicKey, rotations: forged }, coordinator, is(second))).toBe(true)
  expect(followsKnown({ publicKey: thief.publicKey, rotations }, coordinator, is(first))).toBe(false)
  expect(followsKnown({ publicKey, rotations }, 'd'.repeat(32), is(first))).toBe(false)
  const skipped = { publicKey, rotations: [link(first, second)] }
  expect(followsKnown(skipped, coordinator, is(first))).toBe(false)
})

test('rotations are told as a text, of which other texts are refused', () => {
  const [agent, key] = ['a'.repeat(32), 'k'.repeat(43)]
  const own = {
    agent,
    publicKey,
    channelKey: key,
    maskKey: key,
    seedCommitment: key,
    signature: 's'.repeat(86),
  }
  const told = (text: string) =>
    parseSumRoster({ assignmentId: 'a1', agents: [own, { ...own, rotations: text }] }).agents[1]?.rotations
  expect(rotationsIn(told(rotationsText(rotations)) ?? '')).toEqual(rotations)
  for (const wrong of [
    '',
    'a.b.c',
    `${rotationsText(rotations)} `,
    rotationsText(Array(60).fill(rotations[0])),
  ])
    expect(() => told(wrong)).toThrow('rotations')
})
