import { expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { auditCanaries, chanceOf, epsilonLowerBound, guessesOf } from './one-run.js'

test.each([
  [1000, 100, 100, 0, 3.492965],
  [1000, 100, 90, 0, 1.630823],
  [1000, 100, 60, 0, 0.051915],
  [1000, 100, 50, 0, 0],
  [1000, 100, 100, 1e-5, 3.465376],
  [200, 40, 38, 1e-5, 1.738585],
])(
  'of %d canaries, %d guessed and %d right at delta %d refute up to %d',
  (canaries, guesses, correct, delta, bound) => {
    expect(epsilonLowerBound({ canaries, guesses, correct }, delta)).toBeCloseTo(bound, 6)
  },
)

test.each(expected.chances)('$correct of $guesses right has at most the chance $chance', (one) => {
  expect(Math.abs(chanceOf(one, one.epsilon, one.delta) / one.chance - 1)).toBeLessThan(1e-9)
})

test('the delta term takes away from the bound, more with more canaries', () => {
  const bound = (canaries: number, delta: number) =>
    epsilonLowerBound({ canaries, guesses: 50, correct: 48 }, delta)
  expect(bound(100, 1e-3)).toBeLessThan(bound(100, 0))
  expect(bound(1000, 1e-3)).toBeLessThan(bound(100, 1e-3))
})

test('the highest are guessed to be in and the lowest out, and a tie is no luck', () => {
  expect(guessesOf([9, 8, 1], [2, 3, 7], 4)).toEqual({ canaries: 6, guesses: 4, correct: 3 })
  expect(guessesOf([5, 5], [5, 5], 4).correct).toBe(0)
})

test('canaries whose scores say nothing refute nothing; separate ones refute much', () => {
  const scores = (count: number, shift: number) =>
    Array.from({ length: count }, (_, index) => ((index * 37) % count) + shift)
  expect(auditCanaries(scores(200, 0), scores(200, 0.5), 1e-5).epsilonLowerBound).toBe(0)
  const told = auditCanaries(scores(200, 500), scores(200, 0), 1e-5)
  expect(told).toMatchObject({ canaries: 400, guesses: 400, correct: 400 })
  // 400 of 400 right: q^400 = 0.05 / 5, less what delta takes.
  const q = 0.01 ** (1 / 400)
  expect(told.epsilonLowerBound).toBeLessThan(Math.log(q / (1 - q)))
  expect(told.epsilonLowerBound).toBeGreaterThan(0.9 * Math.log(q / (1 - q)))
})

test('counts that cannot be are refused', () => {
  expect(() => epsilonLowerBound({ canaries: 10, guesses: 11, correct: 2 }, 0)).toThrow('2 of 11 of 10')
  expect(() => epsilonLowerBound({ canaries: 10, guesses: 9, correct: Number.NaN }, 0)).toThrow('NaN of 9')
  expect(() => epsilonLowerBound({ canaries: 10, guesses: 9, correct: 8 }, Number.NaN)).toThrow(
    'delta expected',
  )
  expect(() => guessesOf([1], [2, Number.NaN], 2)).toThrow('others[1] expected a finite number')
})
