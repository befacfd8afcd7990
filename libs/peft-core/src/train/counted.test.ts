import { expect, test } from 'vitest'
import { countedTokens } from './counted.js'

const labels = Int32Array.of(5, -100, 7, 8, /* second row */ -100, -100, 3, -100)
const batch = { rows: 2, columns: 4, inputIds: new Int32Array(8), attentionMask: new Int32Array(8), labels }

test('a causal model predicts every label but the first of a row', () => {
  expect(countedTokens(batch, 'causal')).toBe(3)
})

test('after virtual tokens a causal model predicts the first label of a row, too', () => {
  expect(countedTokens(batch, 'causal', 2)).toBe(4)
})

test('a masked model predicts every label', () => {
  expect(countedTokens(batch, 'masked')).toBe(4)
})

test('a classifier predicts one label for a row', () => {
  expect(countedTokens({ ...batch, labels: Int32Array.of(2, -100) }, 'sequence')).toBe(1)
})
