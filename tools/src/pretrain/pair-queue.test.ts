import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPairQueue } from './pair-queue.js'

test('the most frequent pair comes first, and the smaller ids among equals', () => {
  const queue = createPairQueue()
  queue.add(7, 2, 3, 0)
  queue.add(2, 9, 5, 1)
  queue.add(2, 4, 5, 2)
  queue.add(2, 4, -1, 2)
  queue.add(2, 4, 1, 3)
  expect(queue.next()).toEqual({ left: 2, right: 4, places: new Set([2, 3]) })
  expect(queue.next()).toMatchObject({ left: 2, right: 9 })
  queue.add(7, 2, -3, 0)
  expect(queue.next()).toBeUndefined()
})

test('a pair whose count changes takes its new place, as in a list that is sorted anew', () => {
  const change = fc.record({
    left: fc.nat(3),
    right: fc.nat(3),
    times: fc.integer({ min: -6, max: 6 }),
    takes: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
      const queue = createPairQueue()
      const counts = new Map<string, number>()
      for (const { left, right, times, takes } of changes) {
        const key = `${left} ${right}`
        queue.add(left, right, times, 0)
        counts.set(key, (counts.get(key) ?? 0) + times)
        if (!takes) continue
        const [best] = [...counts]
          .filter(([, count]) => count > 0)
          .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
        const pair = queue.next()
        expect(pair && `${pair.left} ${pair.right}`).toBe(best?.[0])
        if (pair === undefined || best === undefined) continue
        queue.add(pair.left, pair.right, -best[1], 0) // every occurrence is merged
        counts.set(best[0], 0)
      }
    }),
  )
})
