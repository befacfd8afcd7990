import { describe, expect, test } from 'vitest'
import { answerMeasurement, isMeasured, measuredOf, openMeasurement } from './measurement.js'

const open = openMeasurement(
  new Map([
    ['b', 'as-b'],
    ['a', 'as-a'],
    ['c', 'as-c'],
  ]),
)

describe('measurement', () => {
  test('the mean is over tokens, not over agents', () => {
    const one = answerMeasurement(open, 'b', { lossSum: 30, tokens: 10 })
    const two = answerMeasurement(one, 'a', { lossSum: 30, tokens: 30 })
    expect(measuredOf(two, 0.25)).toEqual({
      loss: 1.5,
      tokens: 40,
      perAgent: [
        { agentId: 'a', loss: 1, tokens: 30 },
        { agentId: 'b', loss: 3, tokens: 10 },
      ],
      seconds: 0.25,
    })
  })

  test('it is over when all have answered, declined, or are away', () => {
    const one = answerMeasurement(open, 'b', { lossSum: 30, tokens: 10 })
    const two = answerMeasurement(one, 'a', null)
    expect(isMeasured(two, new Set())).toBe(false)
    expect(isMeasured(two, new Set(['c']))).toBe(true)
    expect(measuredOf(two, 0.25).perAgent).toHaveLength(1)
  })

  test('a second answer and the answer of a stranger change nothing', () => {
    const one = answerMeasurement(open, 'b', { lossSum: 30, tokens: 10 })
    expect(answerMeasurement(one, 'b', { lossSum: 2, tokens: 10 })).toBe(one)
    expect(answerMeasurement(one, 'x', { lossSum: 2, tokens: 10 })).toBe(one)
  })

  test('losses that are not finite do not count', () => {
    const one = answerMeasurement(open, 'b', { lossSum: Number.NaN, tokens: 10 })
    expect(measuredOf(one, 0.25)).toEqual({ loss: null, tokens: 0, perAgent: [], seconds: 0.25 })
  })
})
