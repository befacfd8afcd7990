import { expect, test } from 'vitest'
import type { TokenBatch } from './batch.js'
import { expectKnownIds } from './known-ids.js'

const batchOf = (ids: readonly number[], labels: readonly number[]): TokenBatch => ({
  rows: 1,
  columns: ids.length,
  inputIds: Int32Array.from(ids),
  attentionMask: new Int32Array(ids.length).fill(1),
  labels: Int32Array.from(labels),
})

test('tokens and labels that the model knows are accepted, and labels that do not count', () => {
  const decoder = { vocabularySize: 9, classes: undefined }
  expectKnownIds(batchOf([3, 8, 0], [-100, 8, 2]), decoder)
  expectKnownIds(batchOf([3, 8], [4]), { vocabularySize: undefined, classes: 5 })
})

test('tokens and labels beyond the model are refused with the value, and negative ones too', () => {
  const decoder = { vocabularySize: 9, classes: undefined }
  expect(() => expectKnownIds(batchOf([3, 9], [3, 4]), decoder)).toThrow(
    'input_ids expected numbers 0 to 8, got 9',
  )
  expect(() => expectKnownIds(batchOf([3, -7], [3, 4]), decoder)).toThrow('0 to 8, got -7')
  expect(() => expectKnownIds(batchOf([3, 4], [3, 12]), decoder)).toThrow(
    'labels expected numbers 0 to 8, or -100 where nothing is predicted, got 12',
  )
  expect(() => expectKnownIds(batchOf([3, 4], [-1]), { vocabularySize: 9, classes: 5 })).toThrow(
    'labels expected numbers 0 to 4, or -100 where nothing is predicted, got -1',
  )
  expect(() => expectKnownIds(batchOf([-2], [1]), { vocabularySize: undefined, classes: 5 })).toThrow(
    'input_ids expected numbers of 0 or more, got -2',
  )
})
