import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import type { Graph } from '../graph/graph.js'
import { batchFeeds } from './feeds.js'

const text = {
  rows: 2,
  columns: 2,
  inputIds: Int32Array.of(5, 6, 7, 8),
  attentionMask: Int32Array.of(1, 1, 1, 0),
  labels: Int32Array.of(3, 1),
}
const images = {
  rows: 1,
  columns: 0 as const,
  image: { channels: 1, height: 1, width: 2 },
  pixelValues: Float32Array.of(0.2, -1.3),
  labels: Int32Array.of(4),
}

function graphOf(...inputs: readonly string[]): Graph {
  const builder = createBuilder()
  for (const name of inputs) builder.input(name, name === 'pixel_values' ? 'float32' : 'int64', [2, 2])
  return builder.build()
}

test('a graph is fed what it has an input for', () => {
  const scale = { shape: [1], data: Float32Array.of(2.5) }
  const feeds = batchFeeds(graphOf('input_ids', 'position_ids', 'scale'), new Map([['scale', scale]]), text)
  expect(feeds).toEqual(
    new Map<string, unknown>([
      ['input_ids', text.inputIds],
      ['position_ids', Int32Array.of(0, 1, 0, 1)],
      ['scale', scale.data],
    ]),
  )
  expect(batchFeeds(graphOf('pixel_values', 'labels'), new Map(), images)).toEqual(
    new Map<string, unknown>([
      ['pixel_values', images.pixelValues],
      ['labels', images.labels],
    ]),
  )
})

test('images do not go into a model of text, nor text into a model of images', () => {
  expect(() => batchFeeds(graphOf('input_ids'), new Map(), images)).toThrow(
    'the model expected input_ids, got a batch of images',
  )
  expect(() => batchFeeds(graphOf('pixel_values'), new Map(), text)).toThrow(
    'the model expected pixel_values, got a batch of tokens',
  )
})
