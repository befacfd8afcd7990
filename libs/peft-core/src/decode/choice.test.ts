import { expect, test } from 'vitest'
import { chooseToken, likelihoodOf } from './choice.js'

const logits = Float32Array.of(2, 1.5, 1, -1)
const greedy = { temperature: 0 }
const first = { random: () => 0 }

test('a token that came before loses the presence penalty once, and the frequency penalty each time', () => {
  const before = new Map([[0, 3]])
  const choose = (presencePenalty: number, frequencyPenalty: number): number =>
    chooseToken(logits, { ...greedy, presencePenalty, frequencyPenalty }, { before, ...first })
  expect(choose(0.25, 0)).toBe(0) // 1.75 against 1.5
  expect(choose(0.75, 0)).toBe(1) // 1.25 against 1.5
  expect(choose(0, 0.125)).toBe(0) // 2 - 3 / 8 = 1.625
  expect(choose(0, 0.25)).toBe(1) // 2 - 3 / 4 = 1.25
  expect(choose(0.25, 0.125)).toBe(1) // 1.375
})

test('a bias is added to the logit of its token', () => {
  const before = new Map()
  expect(chooseToken(logits, { ...greedy, bias: [[3, 2.5]] }, { before, ...first })).toBe(0)
  expect(chooseToken(logits, { ...greedy, bias: [[3, 3.5]] }, { before, ...first })).toBe(3)
})

test('likelihoods are natural logarithms of the model, the likeliest first', () => {
  const { logprob, top } = likelihoodOf(logits, 2, 2)
  const total = Math.exp(2) + Math.exp(1.5) + Math.exp(1) + Math.exp(-1) // 14.957
  expect(logprob).toBeCloseTo(1 - Math.log(total), 6) // -1.705
  expect(top.map(([id]) => id)).toEqual([0, 1])
  expect(top[1]?.[1]).toBeCloseTo(1.5 - Math.log(total), 6)
  expect(likelihoodOf(Float32Array.of(1, 3, 2, 5), 1, 3).top.map(([id]) => id)).toEqual([3, 1, 2])
})
