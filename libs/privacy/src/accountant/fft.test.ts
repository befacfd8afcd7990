import { expect, test } from 'vitest'
import { toFrequencies, toValues } from './fft.js'

const size = 16
const value = (j: number) => ({ re: ((j * 7) % 5) - 1.5, im: ((j * 3) % 4) / 3 })
const columns = () => ({
  re: Float64Array.from({ length: size }, (_, j) => value(j).re),
  im: Float64Array.from({ length: size }, (_, j) => value(j).im),
})
const reversed = (k: number) =>
  Number.parseInt(k.toString(2).padStart(4, '0').split('').reverse().join(''), 2)

test('frequencies are the sums that define them, at k with its bits reversed', () => {
  const x = columns()
  toFrequencies(x)
  for (let k = 0; k < size; k++) {
    let [re, im] = [0, 0]
    for (let j = 0; j < size; j++) {
      const angle = (-2 * Math.PI * j * k) / size
      re += value(j).re * Math.cos(angle) - value(j).im * Math.sin(angle)
      im += value(j).re * Math.sin(angle) + value(j).im * Math.cos(angle)
    }
    expect(x.re[reversed(k)]).toBeCloseTo(re, 12)
    expect(x.im[reversed(k)]).toBeCloseTo(im, 12)
  }
})

test('the way back gives the values, times their number', () => {
  const x = columns()
  toFrequencies(x)
  toValues(x)
  expect([...x.re].map((re) => re / size)).toEqual([...columns().re].map((re) => expect.closeTo(re, 12)))
  expect([...x.im].map((im) => im / size)).toEqual([...columns().im].map((im) => expect.closeTo(im, 12)))
})

test('a length that is no power of two is refused', () => {
  expect(() => toFrequencies({ re: new Float64Array(12), im: new Float64Array(12) })).toThrow(
    'a transform expected two columns of a power of two, got 12 and 12',
  )
})
