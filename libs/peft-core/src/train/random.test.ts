import { expect, test } from 'vitest'
import { createRandom, shuffled } from './random.js'

// The numbers of a Python port of xoshiro128**, which agrees with the authors' first outputs for the state 1, 2, 3, 4.
test('the first numbers of a seed and stream never change', () => {
  const random = createRandom(7, 'shuffle')
  const four = Array.from({ length: 4 }, () => random.uniform())
  expect(four).toEqual([0.4721679091453552, 0.01794612407684326, 0.6580530405044556, 0.624430239200592])
  const dice = createRandom(7, 'dice')
  expect(Array.from({ length: 12 }, () => dice.below(6))).toEqual([2, 4, 0, 3, 0, 2, 0, 0, 4, 0, 0, 4])
  expect([...shuffled(10, createRandom(7, 'order'))]).toEqual([3, 7, 4, 8, 1, 9, 0, 2, 6, 5])
})

test('streams of one seed, and seeds of one stream, differ', () => {
  const first = (seed: number, stream: string) => createRandom(seed, stream).below(2 ** 32)
  expect(new Set([first(7, 'a'), first(7, 'b'), first(8, 'a'), first(-7, 'a')]).size).toBe(4)
})

test('every face of a die is as likely', () => {
  const random = createRandom(3, 'faces')
  const counts = new Array(6).fill(0)
  for (let roll = 0; roll < 60_000; roll++) counts[random.below(6)]++
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  expect(chiSquare).toBeLessThan(20.5) // 0.1% of fair dice are above
})

test('a limit that does not divide 2^32 favours no number', () => {
  const random = createRandom(3, 'thirds')
  const rolls = Array.from({ length: 3000 }, () => random.below(3 * 2 ** 30))
  const lowest = rolls.filter((roll) => roll < 2 ** 30).length
  expect(Math.abs(lowest - 1000)).toBeLessThan(100) // 1500 where the remainder is only taken
})

test('a shuffle keeps every number, and every order is as likely', () => {
  const random = createRandom(3, 'orders')
  const counts = new Map<string, number>()
  for (let turn = 0; turn < 6000; turn++) {
    const order = shuffled(3, random).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  expect([...counts.keys()].sort()).toEqual(['012', '021', '102', '120', '201', '210'])
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(100)
})

test('a seed or a limit that is no whole number is refused', () => {
  expect(() => createRandom(0.5, 'a')).toThrow('seed expected a whole number, got 0.5')
  expect(() => createRandom(1, 'a').below(0)).toThrow('limit expected a whole number in 1 to 2^32, got 0')
})
