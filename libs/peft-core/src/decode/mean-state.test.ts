import { expect, test } from 'vitest'
import { meanState } from './mean-state.js'

test('the states of the text count, those of its padding do not', () => {
  const states = Float32Array.of(1, 5, 5, 3, 100, -7) // (3, 2)
  const mean = meanState(states, 2, 2) // (3, 4) of length 5
  expect([...mean].map((value) => value.toFixed(6))).toEqual(['0.600000', '0.800000'])
})
