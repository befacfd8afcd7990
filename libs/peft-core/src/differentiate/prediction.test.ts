import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { evaluate } from './finite-difference.js'
import { appendLoss } from './loss.js'

/** Logits (2, 3, 4) as a product of hidden states (2, 3, 4) and a table that doubles them. */
function forward() {
  const builder = createBuilder()
  const hidden = builder.input('hidden', 'float32', [2, 3, 4])
  const double = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2]
  const [name] = builder.append({
    name: 'logits',
    op: 'MatMul',
    domain: '',
    inputs: [hidden.name, builder.constant(double, 'float32', [4, 4]).name],
    outputs: ['logits'],
    attributes: {},
  })
  if (name !== undefined) builder.output(name)
  return builder.build()
}

const hidden = [
  [0, 1, 3, 2],
  [1.5, 1.5, 0, 1],
  [-1, -2, -3, -4],
  [5, 0, 0, 0],
  [0.1, 0.4, 0.2, 0.3],
  [0, 0, 7, 0],
]
const feeds = new Map([
  ['hidden', hidden.flat()],
  ['labels', [1, 0, 3, 2, -100, 2]],
])

const surest = (row: readonly number[]): number =>
  1 / row.reduce((sum, x) => sum + Math.exp(2 * (x - Math.max(...row))), 0)

test('each position predicts its likeliest class, with its probability and the rank of the label', async () => {
  const graph = appendLoss(forward(), 'token', { predicts: true })
  const values = await evaluate(graph, feeds)
  const classes = [2, 0, 0, 0, 1, 2] // the first of equals
  const ranks = [2, 0, 3, 1, 3, 0] // a label that is not counted reads as 0
  const found = values.get('predictions') ?? []
  expect(found).toHaveLength(36)
  for (const [at, row] of hidden.entries()) {
    expect(found[6 * at]).toBe(classes[at])
    expect(found[6 * at + 1]).toBeCloseTo(surest(row), 12)
    expect(found[6 * at + 2]).toBe(ranks[at])
  }
  expect(values.get('loss')).toEqual((await evaluate(appendLoss(forward(), 'token'), feeds)).get('loss'))
})

test('a causal model predicts the next label, also when its logits are made in parts', async () => {
  const whole = await evaluate(appendLoss(forward(), 'causal', { predicts: true }), feeds)
  const graph = appendLoss(forward(), 'causal', { predicts: true, partBytes: 35 }) // rows of 16 bytes
  expect(graph.nodes.filter(({ op }) => op === 'ArgMax')).toHaveLength(3)
  const parts = await evaluate(graph, feeds)
  expect(parts.get('predictions')).toEqual(whole.get('predictions'))
  expect(parts.get('loss')?.[0]).toBeCloseTo(whole.get('loss')?.[0] as number, 12)
  const ranks = whole.get('predictions')?.filter((_, at) => at % 6 === 2)
  expect(ranks?.[0]).toBe(3) // the label 0 of position 1
  expect(ranks?.[1]).toBe(2) // the label 3 of position 2
  expect(ranks?.[4]).toBe(2) // the label 2 of position 2 of the second row
})

test('each position says how likely its label was, and how likely what it expects is', async () => {
  const values = await evaluate(appendLoss(forward(), 'token', { predicts: true }), feeds)
  const found = values.get('predictions') ?? []
  // numpy: the log softmax of (0, 2, 6, 4) at its label 1, then of (-2, -4, -6, -8) at its label 3
  const expected = [
    [0, [-4.145077939, -0.4554286229, 0.8381990462]],
    [2, [-6.145077939, -0.4554286229, 0.8381990462]],
  ] as const
  for (const [row, values] of expected)
    for (const [at, value] of values.entries()) expect(found[6 * row + 3 + at]).toBeCloseTo(value, 9)
})
