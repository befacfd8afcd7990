import { expect, test } from 'vitest'
import type { Tokenizer } from '../train/tokens.js'
import { textRows, unclassedRows } from './text-rows.js'

test('texts are rows of tokens and labels; what fills up has no label', () => {
  const [first, last, ...more] = textRows(
    [
      [7, 8, 9],
      [4, 5],
      [6, 3],
    ],
    { rows: 2, columns: 4, padId: 1 },
  )
  expect(more).toEqual([])
  expect([...(first?.inputIds ?? [])]).toEqual([7, 8, 9, 1, 4, 5, 1, 1])
  expect([...(first?.labels ?? [])]).toEqual([7, 8, 9, -100, 4, 5, -100, -100])
  expect([...(first?.attentionMask ?? [])]).toEqual([1, 1, 1, 0, 1, 1, 0, 0])
  expect([...(last?.labels ?? [])]).toEqual([6, 3, -100, -100, -100, -100, -100, -100])
  expect([...(last?.attentionMask ?? [])]).toEqual([1, 1, 0, 0, 1, 0, 0, 0])
})

test('texts for a classifier are framed and cut, each counts once, and what fills up does not', () => {
  const tokenizer = {
    encode: (text: string, { specialTokens = false } = {}) => {
      const ids = [...text].map((letter) => letter.charCodeAt(0) - 90)
      return specialTokens ? [1, ...ids, 2] : ids
    },
    padId: 0,
  } as Tokenizer
  const [first, last] = unclassedRows(['abcdef', 'b', 'c'], tokenizer, { rows: 2, columns: 5 })
  expect([...(first?.inputIds ?? [])]).toEqual([1, 7, 8, 9, 2, 1, 8, 2, 0, 0])
  expect([...(first?.attentionMask ?? [])]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0])
  expect([[...(first?.labels ?? [])], [...(last?.labels ?? [])]]).toEqual([
    [0, 0],
    [0, -100],
  ])
})
