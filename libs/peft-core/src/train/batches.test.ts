import { expect, test } from 'vitest'
import { evaluationBatches, packWindows, trainingBatches } from './batches.js'

const eos = 9
const pack = (documents: number[][], columns: number) =>
  packWindows(documents, { columns, separator: [eos], padId: 5 })
const oneToTwenty = pack([Array.from({ length: 19 }, (_, index) => index + 11)], 4) // 11 to 29 and 9: five windows

test('documents are joined with the separator after each and cut into windows', () => {
  const windows = pack([[1, 2, 3], [4], [6, 7]], 4)
  expect(windows).toEqual({
    columns: 4,
    count: 2,
    tokens: Int32Array.of(1, 2, 3, eos, 4, eos, 6, 7),
    padId: 5,
  })
  const newlines = packWindows([[1], [2]], { columns: 8, separator: [3, 4] })
  expect(newlines).toEqual({ columns: 8, count: 1, tokens: Int32Array.of(1, 3, 4, 2, 3, 4), padId: 0 })
})

test('a batch has the tokens as inputs and as labels', () => {
  const [batch] = evaluationBatches(
    pack(
      [
        [1, 2, 3],
        [4, 6, 7],
      ],
      4,
    ),
    2,
  )
  expect(batch).toEqual({
    rows: 2,
    columns: 4,
    inputIds: Int32Array.of(1, 2, 3, eos, 4, 6, 7, eos),
    attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1),
    labels: Int32Array.of(1, 2, 3, eos, 4, 6, 7, eos),
  })
})

test('a short last window is padded, and its padding is neither seen nor counted', () => {
  const [batch] = evaluationBatches(pack([[1, 2, 3, 4, 6]], 4), 2)
  expect([...(batch?.inputIds ?? [])]).toEqual([1, 2, 3, 4, 6, eos, 5, 5])
  expect([...(batch?.attentionMask ?? [])]).toEqual([1, 1, 1, 1, 1, 1, 0, 0])
  expect([...(batch?.labels ?? [])]).toEqual([1, 2, 3, 4, 6, eos, -100, -100])
})

test('rows left over in the last evaluation batch do not count', () => {
  const batches = evaluationBatches(oneToTwenty, 3)
  expect(batches.map(({ rows }) => rows)).toEqual([3, 3])
  expect([...(batches[1]?.labels ?? [])]).toEqual([23, 24, 25, 26, 27, 28, 29, eos, -100, -100, -100, -100])
  const counted = batches.flatMap(({ labels }) => [...labels]).filter((label) => label !== -100)
  expect(counted).toEqual([...oneToTwenty.tokens])
})

test('each epoch takes every window once, in the order that the seed gives', () => {
  const batches = trainingBatches(oneToTwenty, { rows: 1, steps: 15, seed: 11, firstStep: 0 })
  const windows = batches.map(({ inputIds }) => ((inputIds[0] as number) - 11) / 4)
  expect(windows).toEqual([0, 1, 3, 2, 4, 4, 0, 1, 3, 2, 0, 2, 1, 4, 3]) // from a Python port
})

test('training continues exactly where it stopped, also within an epoch and across epochs', () => {
  const order = { rows: 2, seed: 11 }
  const whole = trainingBatches(oneToTwenty, { ...order, steps: 9, firstStep: 0 })
  const parts = [0, 1, 4].flatMap((firstStep, part) =>
    trainingBatches(oneToTwenty, { ...order, steps: [1, 3, 5][part] as number, firstStep }),
  )
  expect(parts).toEqual(whole)
})

test('another seed gives another order', () => {
  const first = (seed: number) =>
    trainingBatches(oneToTwenty, { rows: 5, steps: 1, seed, firstStep: 0 })[0]?.inputIds
  expect(first(12)).not.toEqual(first(11))
  expect([...(first(12) ?? [])].sort()).toEqual([...(first(11) ?? [])].sort())
})

test('a last window of one token is left out, and text of one token is refused', () => {
  expect(pack([[1, 2, 3, 4]], 4)).toMatchObject({ count: 1, tokens: Int32Array.of(1, 2, 3, 4) })
  expect(() => pack([[]], 4)).toThrow('the text expected two tokens or more, got 1')
  expect(() => pack([], 4)).toThrow('got 0')
})

test('sizes that cannot be are refused by name', () => {
  expect(() => pack([[1, 2]], 1)).toThrow('columns expected 2 tokens or more, got 1')
  expect(() => evaluationBatches(oneToTwenty, 0)).toThrow('rows expected a whole number of 1 or more, got 0')
  expect(() => trainingBatches(oneToTwenty, { rows: 1, steps: 2, seed: 1, firstStep: -1 })).toThrow(
    'firstStep expected',
  )
})
