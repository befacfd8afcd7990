import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRandom } from '../train/random.js'
import { groupedByLength, packedRows } from './row-plan.js'

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 })

test('every example is in one row, and no row is longer than its columns', () => {
  fc.assert(
    fc.property(lengths, (of) => {
      const order = Int32Array.from(of, (_, at) => at).reverse()
      const { members, ends } = packedRows(order, (at) => of[at] as number, 40)
      expect([...members].sort((a, b) => a - b)).toEqual([...of.keys()])
      let start = 0
      for (const end of ends) {
        const row = members.subarray(start, end)
        expect(row.length).toBeGreaterThan(0)
        expect(row.reduce((sum, at) => sum + (of[at] as number), 0)).toBeLessThanOrEqual(40)
        start = end
      }
      expect(start).toBe(of.length)
    }),
  )
})

test('rows are nearly full when lengths are mixed', () => {
  const of = Array.from({ length: 1000 }, (_, at) => 5 + ((at * 7919) % 60))
  const { ends } = packedRows(Int32Array.from(of.keys()), (at) => of[at] as number, 128)
  const tokens = of.reduce((sum, length) => sum + length, 0)
  expect(tokens / (128 * ends.length)).toBeGreaterThan(0.95)
})

test('grouping keeps every example and makes batches of neighbours in length', () => {
  const of = Array.from({ length: 403 }, (_, at) => 1 + ((at * 7919) % 97))
  const lengthOf = (at: number): number => of[at] as number
  const order = Int32Array.from(of.keys())
  const grouped = groupedByLength(order, { lengthOf, rows: 8, random: createRandom(3, 'x') })
  expect([...grouped].sort((a, b) => a - b)).toEqual([...order])
  const longest = (ids: Int32Array): number => {
    let sum = 0
    for (let at = 0; at + 8 <= ids.length; at += 8) sum += Math.max(...ids.subarray(at, at + 8).map(lengthOf))
    return sum
  }
  expect(longest(grouped)).toBeLessThan(0.65 * longest(order))
})
