import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitHoldout } from './holdout.js'

const characters = (documents: readonly string[]) => documents.reduce((sum, { length }) => sum + length, 0)

test('the middle of each run of neighbours is held out when documents are alike', () => {
  const documents = Array.from({ length: 10 }, (_, index) => `document ${index}`)
  expect(splitHoldout(documents, 0.2)).toEqual({
    train: [0, 1, 3, 4, 5, 6, 8, 9].map((index) => `document ${index}`),
    heldOut: ['document 2', 'document 7'],
  })
  expect(splitHoldout(documents, 0.8).train).toEqual(['document 2', 'document 7'])
})

test('one long document in the middle of its run does not carry the share away', () => {
  const documents = Array.from({ length: 40 }, (_, index) =>
    `${index} `.repeat(index === 25 ? 400 : 10 + (index % 3)),
  )
  const { train, heldOut } = splitHoldout(documents, 0.1)
  expect(heldOut).not.toContain(documents[25])
  expect(heldOut).toHaveLength(4)
  expect(characters(heldOut)).toBeLessThan(0.25 * characters(train))
})

test('the held-out share of many documents of mixed lengths is close to the fraction', () => {
  const documents = Array.from(
    { length: 2000 },
    (_, index) => `${index}:${'x'.repeat((index * index * 7919) % 613)}`,
  )
  for (const fraction of [0.05, 0.1, 0.3, 0.6]) {
    const share = characters(splitHoldout(documents, fraction).heldOut) / characters(documents)
    expect(Math.abs(share - fraction)).toBeLessThan(0.003)
  }
})

test('copies of a held-out document are in neither part', () => {
  const documents = ['aa', 'bb', 'cc', 'bb', 'dd', 'bb']
  expect(splitHoldout(documents, 0.25)).toEqual({ train: ['aa', 'bb', 'bb', 'dd', 'bb'], heldOut: ['cc'] })
  expect(splitHoldout(['aa', 'cc', 'bb', 'bb', 'dd', 'bb'], 0.25)).toEqual({
    train: ['aa', 'cc', 'dd'],
    heldOut: ['bb'],
  })
})

test('every document is in exactly one part, and no part is empty', () => {
  const documents = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 2, maxLength: 60 })
  const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true })
  fc.assert(
    fc.property(documents, fraction, (all, share) => {
      fc.pre(new Set(all).size > 1)
      const { train, heldOut } = splitHoldout(all, share)
      expect(heldOut.filter((document) => train.includes(document))).toEqual([])
      expect(new Set([...train, ...heldOut])).toEqual(new Set(all))
      expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0)
    }),
  )
})

test('nothing is held out at zero, and what cannot be split is refused', () => {
  expect(splitHoldout(['a', 'b'], 0)).toEqual({ train: ['a', 'b'], heldOut: [] })
  expect(() => splitHoldout(['a', 'a'], 0.1)).toThrow('two different documents or more')
  expect(() => splitHoldout(['a', 'b'], 1)).toThrow('fraction expected a number in [0, 1), got 1')
})
