import { expect, test } from 'vitest'
import { generate, sampleToken, windowColumns } from './generate.js'

// Probabilities 0.4, 0.1, 0.3, 0.2
const logits = Float32Array.from([0.4, 0.1, 0.3, 0.2], Math.log)
const draws = (settings: Parameters<typeof sampleToken>[1]) =>
  [0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 0.999].map((drawn) => sampleToken(logits, settings, () => drawn))

test('tokens are drawn in the order of their probability', () => {
  expect(draws({ temperature: 1 })).toEqual([0, 0, 2, 2, 3, 3, 1, 1])
})

test('temperature 0 takes the likeliest, and the first of equals', () => {
  expect(draws({ temperature: 0 })).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  expect(sampleToken(Float32Array.of(1, 3, 3), { temperature: 0 }, () => 0.9)).toBe(1)
})

test('a low temperature sharpens: at one half, probabilities are squared', () => {
  // 0.16, 0.09, 0.04 and 0.01 of 0.3
  expect(draws({ temperature: 0.5 })).toEqual([0, 0, 0, 2, 2, 3, 3, 1])
})

test('top-k keeps the k likeliest tokens', () => {
  expect(draws({ temperature: 1, topK: 2 })).toEqual([0, 0, 0, 2, 2, 2, 2, 2]) // 4/7 and 3/7
})

test('top-p keeps the fewest tokens that hold the probability', () => {
  expect(draws({ temperature: 1, topP: 0.65 })).toEqual([0, 0, 0, 2, 2, 2, 2, 2])
  expect(draws({ temperature: 1, topP: 0.1 })).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  expect(new Set(draws({ temperature: 1, topP: 0.75 }))).toEqual(new Set([0, 2, 3]))
})

test('equal seeds give equal text, and other seeds other text', async () => {
  const sampling = { maxTokens: 30, temperature: 1, stopIds: [] }
  const text = (seed: number) => generate(async () => logits, [2], { ...sampling, seed })
  expect(await text(7)).toHaveLength(30)
  expect(await text(7)).toEqual(await text(7))
  expect(await text(7)).not.toEqual(await text(8))
})

test('a stop token ends the text and is not part of it', async () => {
  const next = async (ids: readonly number[]) =>
    Float32Array.from({ length: 9 }, (_, id) => (id === ids.length ? 1 : 0))
  const sampling = { maxTokens: 30, temperature: 0, seed: 1, stopIds: [6] }
  expect(await generate(next, [8, 8], sampling)).toEqual([2, 3, 4, 5])
})

test('windows double up to what the model holds', () => {
  const columns = (limit?: number) => [1, 32, 33, 64, 65, 200].map((length) => windowColumns(length, limit))
  expect(columns()).toEqual([32, 32, 64, 64, 128, 256])
  expect(columns(200)).toEqual([32, 32, 64, 64, 128, 200])
})
