import { expect, test } from 'vitest'
import { evaluate } from '../differentiate/finite-difference.js'
import { feedsOf, type Input, type OperatorCase, rewrittenGraph, whole } from './fused-case.js'
import { int, ints } from './graph.js'

const [B, QUERIES, PAST, H, W] = [2, 2, 1, 2, 4]
const D = H * W

const attention = (mask: Input): OperatorCase => ({
  title: 'Attention',
  op: 'Attention',
  attributes: { num_heads: int(H) },
  inputs: [[B, QUERIES, D], [D, 3 * D], [3 * D], mask, [2, B, H, PAST, W]],
  outputs: [
    [B, QUERIES, D],
    [2, B, H, PAST + QUERIES, W],
  ],
})

// onnxruntime has no kernel on the processor for masks of four axes; what they mean is stated by those of three,
// which are held against onnxruntime.
test('a mask for every length (B, 1, M, M) means its rows of the newest queries, for the keys there are', async () => {
  const every = [
    [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1],
    [1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0],
  ]
  const newest = every.flatMap((rows) =>
    [PAST, PAST + 1].flatMap((row) => rows.slice(4 * row, 4 * row + PAST + QUERIES)),
  )
  const graphs = [whole([B, 1, 4, 4], every.flat()), whole([B, QUERIES, PAST + QUERIES], newest)].map(
    (mask) => rewrittenGraph(attention(mask)),
  )
  const [found, wanted] = await Promise.all(graphs.map((graph) => evaluate(graph, feedsOf(graph))))
  expect(wanted?.get('y0')).toHaveLength(B * QUERIES * D)
  expect(found).toEqual(wanted)
})

test('queries and keys of different widths are refused in one line', () => {
  const attributes = { num_heads: int(H), qkv_hidden_sizes: ints([8, 4, 4]) }
  const inputs = [[B, QUERIES, D], [D, 16], [16]] as const
  const unequal: OperatorCase = {
    title: 'Attention',
    op: 'Attention',
    attributes,
    inputs,
    outputs: [[B, QUERIES, 4]],
  }
  expect(() => rewrittenGraph(unequal)).toThrow('queries of 8 and keys of 4 numbers cannot be multiplied')
})
