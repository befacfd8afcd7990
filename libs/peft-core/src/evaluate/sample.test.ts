import { expect, test } from 'vitest'
import { createRandom } from '../train/random.js'
import { sampleToken } from './sample.js'

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

test('top-p after top-k counts from what top-k kept', () => {
  expect(draws({ temperature: 1, topK: 2, topP: 0.5 })).toEqual([0, 0, 0, 0, 0, 0, 0, 0]) // 4/7 is enough
  expect(draws({ temperature: 1, topK: 2, topP: 0.6 })).toEqual([0, 0, 0, 2, 2, 2, 2, 2])
})

test('in a long tail every token is drawn as often as it is likely', () => {
  const random = createRandom(5, 'logits')
  const tail = Float32Array.from({ length: 3000 }, (_, id) => (id === 1234 ? 9 : -4 + 2 * random.uniform()))
  const shares = Float64Array.from(tail, Math.exp)
  const total = shares.reduce((sum, share) => sum + share, 0)
  const order = [...shares.keys()].sort((a, b) => (shares[b] as number) - (shares[a] as number))
  const picked = (u: number): number => {
    let left = u * total
    return (
      order.find((id) => {
        left -= shares[id] as number
        return left < 0
      }) ?? -1
    )
  }
  for (const u of [0.5, 0.97, 0.985, 0.99, 0.999]) {
    expect(sampleToken(tail, { temperature: 1 }, () => u)).toBe(picked(u))
  }
  expect(sampleToken(tail, { temperature: 1 }, () => 0.99)).not.toBe(1234)
})

test('no token is drawn from logits of which one is NaN', () => {
  const broken = Float32Array.of(1, Number.NaN, 3)
  for (const temperature of [0, 0.7])
    expect(() => sampleToken(broken, { temperature }, () => 0.5)).toThrow('the model gave NaN as a logit')
})
