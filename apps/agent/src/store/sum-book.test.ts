import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSumBook } from './sum-book.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-book-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const key = (letter: string): string => letter.repeat(43)

test('a round is opened for one set of agents, in whatever order, also after a restart; another round is another matter', async () => {
  expect(await openSumBook(folder).open('toy-1', 4, ['oslo', 'turin', 'graz'])).toBe(true)
  const book = openSumBook(folder)
  expect(await book.open('toy-1', 4, ['turin', 'graz', 'oslo'])).toBe(true)
  expect(await book.mayOpen('toy-1', 4, ['oslo', 'turin'])).toBe(false)
  expect(await book.open('toy-1', 4, ['oslo', 'turin'])).toBe(false)
  expect(await book.open('toy-1', 5, ['oslo', 'turin'])).toBe(true)
  expect(await book.mayOpen('toy-2', 4, ['oslo', 'turin'])).toBe(true)
})

test('keys that were used stay beside the sums that were opened, until the run ends', async () => {
  const book = openSumBook(folder)
  await book.use('toy-3', [key('a'), key('b')])
  await book.open('toy-3', 1, ['oslo', 'turin', 'graz'])
  await book.use('toy-3', [key('b'), key('c')])
  expect([...(await book.used('toy-3'))]).toEqual([key('a'), key('b'), key('c')])
  expect(await book.mayOpen('toy-3', 1, ['oslo'])).toBe(false)
  await book.drop('toy-3')
  expect(await book.knows('toy-3')).toBe(false)
})
