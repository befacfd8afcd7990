import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pageOf } from './paging.js'

const idOf = (item: string) => item

test('a list is given page by page, and the last one has no next', () => {
  const items = ['graz', 'oslo', 'turin', 'vaduz', 'zürich']
  expect(pageOf(items, idOf, {})).toEqual({ items })
  const first = pageOf(items, idOf, { limit: 2 })
  expect(first).toEqual({ items: ['graz', 'oslo'], next: 'b3Nsbw' })
  const second = pageOf(items, idOf, { limit: 2, cursor: 'b3Nsbw' })
  expect(second.items).toEqual(['turin', 'vaduz'])
  expect(pageOf(items, idOf, { limit: 2, cursor: second.next })).toEqual({ items: ['zürich'] })
  expect(() => pageOf(items, idOf, { cursor: 'cm9tZQ' })).toThrow(
    expect.objectContaining({ code: 'LRC-1007', received: 'cm9tZQ' }),
  )
})

test('a list that grows while it is read gives each item once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.nat(4), { maxLength: 20 }),
      (count, limit, growth) => {
        const items = Array.from({ length: count }, (_, index) => `agent-${index}`)
        const seen: string[] = []
        let cursor: string | undefined
        for (const more of [...growth, ...Array(60).fill(0)]) {
          const page = pageOf(items, idOf, cursor === undefined ? { limit } : { limit, cursor })
          seen.push(...page.items)
          cursor = page.next
          if (cursor === undefined) break
          for (let added = 0; added < more; added++) items.push(`agent-${items.length}`)
        }
        expect(seen).toEqual(items.slice(0, seen.length))
        expect(seen.length).toBeGreaterThanOrEqual(count)
      },
    ),
  )
})
