import { expect, test } from 'vitest'
import { expectSpace, neededBytes } from './space.js'

const needs = {
  baseBytes: 900_000_000,
  adapterBytes: 30_000_000,
  weightBytes: 20_000_000,
  hasPersonal: false,
  dataBytes: 5_000_000,
}
const margin = 16 * 1024 * 1024

test('training needs the base, the adapter, four times its weights, the data and a margin', () => {
  expect(neededBytes('train', needs)).toBe(1_015_000_000 + margin)
  expect(neededBytes('evaluate', needs)).toBe(935_000_000 + margin)
  expect(neededBytes('train', { ...needs, hasPersonal: true })).toBe(1_075_000_000 + margin)
})

test('what does not fit is declined with the megabytes that are missing', () => {
  const needed = neededBytes('train', needs)
  expect(() => expectSpace(needed, needed)).not.toThrow()
  expect(() => expectSpace(needed, null)).not.toThrow()
  expect(() => expectSpace(needed, needed - 212_300_000)).toThrow(
    expect.objectContaining({
      ...{ code: 'LRC-6016', message: '213 MB are missing on the disk of this agent' },
      ...{ expected: '1032 MB for the base, the adapter and the update', received: '819 MB' },
    }),
  )
})
