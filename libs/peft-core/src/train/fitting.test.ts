import { expect, test } from 'vitest'
import { expectFitting } from './fitting.js'

const batch = (labels: readonly number[]) => ({
  rows: 2,
  columns: 2,
  inputIds: Int32Array.of(5, 6, 7, 8),
  attentionMask: Int32Array.of(1, 1, 1, 0),
  labels: Int32Array.from(labels),
})
const plain = batch([5, 6, 7, -100])

test('a causal model learns from plain text', () => {
  expect(() => expectFitting('causal', plain)).not.toThrow()
})

test('a masked-word model needs a token that is hidden', () => {
  expect(() => expectFitting('masked', plain)).toThrow('expected hidden tokens')
  expect(() => expectFitting('masked', batch([5, -100, -100, 9]))).not.toThrow()
  expect(() => expectFitting('masked', batch([-100, -100, 7, -100]))).not.toThrow() // shown as it is, one in ten
})

const images = {
  rows: 2,
  columns: 0 as const,
  image: { channels: 1, height: 1, width: 2 },
  pixelValues: Float32Array.of(0.2, -1.3, 0.7, 2.1),
  labels: Int32Array.of(3, 1),
}

test('images go to a classifier of images, and nothing else does', () => {
  expect(() => expectFitting('image', images)).not.toThrow()
  expect(() => expectFitting('image', plain)).toThrow('task "image" expected images, got text')
  expect(() => expectFitting('sequence', images)).toThrow('task "sequence" expected text, got images')
})

test('a class for each token is learned where it stands', () => {
  expect(() => expectFitting('token', plain)).not.toThrow()
  expect(() => expectFitting('token', batch([1, 0]))).toThrow('expected one label a token')
})

test('a classifier needs one label a row', () => {
  expect(() => expectFitting('sequence', plain)).toThrow('expected one label a row')
  expect(() => expectFitting('sequence', batch([1, 0]))).not.toThrow()
})
