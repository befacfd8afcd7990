import { expect, test } from 'vitest'
import { generate } from './generate.js'

// Probabilities 0.4, 0.1, 0.3, 0.2
const logits = Float32Array.from([0.4, 0.1, 0.3, 0.2], Math.log)

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
