import { expect, test } from 'vitest'
import { meaning, roundedUp, type StepOptions } from './steps.js'

const options: StepOptions = {
  ...{ samplingRate: 0.01, sampling: 'poisson', steps: 1200, delta: 1e-5, accountant: 'smallest' },
}

test('a bound is never rounded below itself', () => {
  expect([12.3456781, 0.001234567, 7, 0, 999999.2].map(roundedUp)).toEqual([
    12.3457, 0.00123457, 7, 0, 1_000_000,
  ])
})

test('the sentence has the odds, and what it depends on', () => {
  expect(meaning(2, options)).toEqual([
    'For whoever sees all 1,200 steps, the odds that one record is among the data change by a factor of at most 7.38906, but for a chance of 0.00001.',
    'True only if each record takes part in each step by a secret coin of its own, with probability 0.01; otherwise add --sampling none.',
  ])
  expect(meaning(40.5, options)[0]).toContain('at most e^40.5,')
})

test('without amplification the sentence depends on no way of sampling', () => {
  const always = 'True for any way of choosing the records of a step.'
  expect(meaning(2, { ...options, samplingRate: 1 })[1]).toBe(always)
  expect(meaning(2, { ...options, sampling: 'none' })[1]).toBe(always)
})
