import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, type Identity, rotateText, rotationsText, signText } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSumBook } from './sum-book.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-book-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const key = (letter: string): string => letter.repeat(43)

test('a round is opened for one set of agents, in whatever order, also after a restart; another round is another matter', async () => {
  expect(await openSumBook(folder).open('toy-1', { round: 4 }, ['oslo', 'turin', 'graz'])).toBe(true)
  const book = openSumBook(folder)
  expect(await book.open('toy-1', { round: 4 }, ['turin', 'graz', 'oslo'])).toBe(true)
  expect(await book.mayOpen('toy-1', { round: 4 }, ['oslo', 'turin'])).toBe(false)
  expect(await book.open('toy-1', { round: 4 }, ['oslo', 'turin'])).toBe(false)
  expect(await book.open('toy-1', { round: 5 }, ['oslo', 'turin'])).toBe(true)
  expect(await book.mayOpen('toy-2', { round: 4 }, ['oslo', 'turin'])).toBe(true)
})

test('a sum for which coins were tossed is opened once, also by the same agents', async () => {
  const book = openSumBook(folder)
  expect(await book.open('toy-9', { round: 1, isOnce: true }, ['oslo', 'turin', 'graz'])).toBe(true)
  expect(await book.mayOpen('toy-9', { round: 1, isOnce: true }, ['oslo', 'turin', 'graz'])).toBe(false)
  expect(await openSumBook(folder).open('toy-9', { round: 1, isOnce: true }, ['oslo', 'turin', 'graz'])).toBe(
    false,
  )
  expect(await book.open('toy-9', { round: 2, isOnce: true }, ['oslo', 'turin', 'graz'])).toBe(true)
})

test('keys that were used stay beside the sums that were opened', async () => {
  const book = openSumBook(folder)
  await book.use('toy-3', [key('a'), key('b')])
  await book.open('toy-3', { round: 1 }, ['oslo', 'turin', 'graz'])
  await book.use('toy-3', [key('b'), key('c')])
  expect([...(await book.used('toy-3'))]).toEqual([key('a'), key('b'), key('c')])
  expect(await book.mayOpen('toy-3', { round: 1 }, ['oslo'])).toBe(false)
})

test('sums of updates and of losses write into the same book at once, and neither forgets what the other wrote', async () => {
  const book = openSumBook(folder)
  const agents = ['oslo', 'turin', 'graz']
  const writes = [0, 1, 2, 3].flatMap((round) => [
    book.open('toy-7', { round }, agents),
    book.use('toy-7', [key(String(round))]),
  ])
  await Promise.all(writes)
  const again = openSumBook(folder)
  expect((await again.used('toy-7')).size).toBe(4)
  for (const round of [0, 1, 2, 3]) expect(await again.mayOpen('toy-7', { round }, ['oslo'])).toBe(false)
  const both = await Promise.all([
    book.open('toy-7', { round: 9 }, agents),
    book.open('toy-7', { round: 9 }, agents.slice(1)),
  ])
  expect(both).toEqual([true, false])
})

test('of an adapter whose loss this agent brought no other number is opened, also among the same agents', async () => {
  const book = openSumBook(folder)
  const of = { adapter: 'e'.repeat(64), question: 'f'.repeat(64) }
  const agents = ['oslo', 'turin', 'graz']
  expect(await book.open('toy-8', { ...of, brought: 'one' }, agents)).toBe(true)
  expect(await book.mayOpen('toy-8', { ...of, brought: 'one' }, agents)).toBe(true)
  expect(await book.mayOpen('toy-8', { ...of, brought: 'other' }, agents)).toBe(false)
})

test('an adapter is measured with one set of agents and one question, whatever the round and the updates', async () => {
  const book = openSumBook(folder)
  const [adapter, question] = ['a'.repeat(64), 'b'.repeat(64)]
  const agents = ['oslo', 'turin', 'graz']
  expect(await book.open('toy-5', { round: 4 }, agents)).toBe(true)
  expect(await book.open('toy-5', { adapter, question }, agents)).toBe(true)
  const again = openSumBook(folder)
  expect(await again.mayOpen('toy-5', { adapter, question }, [...agents].reverse())).toBe(true)
  expect(await again.open('toy-5', { adapter, question }, ['oslo', 'turin', 'bern'])).toBe(false)
  expect(await again.open('toy-5', { adapter, question: 'c'.repeat(64) }, agents)).toBe(false)
  expect(await again.open('toy-5', { adapter: 'd'.repeat(64), question }, ['oslo', 'turin', 'bern'])).toBe(
    true,
  )
  expect(await again.mayOpen('toy-5', { round: 4 }, agents)).toBe(true)
})

describe('an agent that rotated its key', () => {
  const coordinator = 'c'.repeat(32)
  const [first, second, third] = [createIdentity(), createIdentity(), createIdentity()] as const
  const rotation = (before: Identity, next: Identity, signer = before) => {
    const nonce = 'n'.repeat(20)
    const signature = signText(signer, rotateText(coordinator, nonce, next.publicKey))
    return { publicKey: before.publicKey, nonce, signature }
  }
  const once = rotationsText([rotation(first, second)])
  const twice = rotationsText([rotation(first, second), rotation(second, third)])
  const peer = (publicKey: string, rotations?: string) => ({ agent: first.id, publicKey, rotations })
  const bookOf = (name: string) => openSumBook(join(folder, name))

  test('is met with the rotations that each key proved, by who never met it and by who knew an earlier key', async () => {
    expect(await bookOf('new').meet([peer(third.publicKey, twice)], coordinator)).toBeUndefined()
    const book = bookOf('knows')
    for (const [key, rotations] of [
      [first.publicKey, undefined],
      [second.publicKey, once],
      [third.publicKey, twice],
    ] as const)
      expect(await book.meet([peer(key, rotations)], coordinator)).toBeUndefined()
  })

  test('has no key that it had before, none without proof, and none for another coordinator', async () => {
    const book = bookOf('latest')
    await book.meet([peer(second.publicKey, once)], coordinator)
    expect(await book.meet([peer(first.publicKey)], coordinator)).toBe(first.id)
    expect(await book.meet([peer(third.publicKey)], coordinator)).toBe(first.id)
    expect(await book.meet([peer(third.publicKey, twice)], 'd'.repeat(32))).toBe(first.id)
    const forged = rotationsText([rotation(first, second), rotation(second, third, first)])
    expect(await book.meet([peer(third.publicKey, forged)], coordinator)).toBe(first.id)
    expect(await book.meet([peer(second.publicKey)], coordinator)).toBeUndefined()
  })
})
