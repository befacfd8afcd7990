import { expect, test } from 'vitest'
import type { Outcome } from './robust-federation.js'
import { overTrials, spreadOf, type Trial } from './robust-trials.js'

const ended = (loss: number | null): Outcome => ({ loss, accuracy: 0.5, backdoor: 0.25 })
const trial = (clean: number, again: number, lied: number | null): Trial => ({
  clean: ended(clean),
  again: ended(again),
  untrained: ended(1.4),
  runs: [{ attack: 'scaling', rule: 'krum', liars: 2, ...ended(lied) }],
})

test('trials are compared each with its own honest run, and their spread is told', () => {
  const { clean, again, runs } = overTrials([
    trial(0.4, 0.41, 0.42),
    trial(0.5, 0.49, 0.5),
    trial(0.2, 0.202, 0.206),
  ])
  expect(clean.loss).toBeCloseTo(11 / 30, 12)
  expect(again.mean).toBeCloseTo((0.025 - 0.02 + 0.01) / 3, 12)
  const [run] = runs
  expect(run?.worseByTrial.map((value) => Math.round(1000 * (value ?? Number.NaN)))).toEqual([50, 0, 30])
  expect(run?.worseBy).toBeCloseTo(0.08 / 3, 12)
  expect(run?.worseByError).toBeCloseTo(Math.sqrt(0.0038 / 3 / 2 / 3), 9) // 0.05, 0 and 0.03 about 0.08 / 3
})

test('one lost trial makes a run lost; one trial alone has no error', () => {
  const { runs } = overTrials([trial(0.4, 0.4, 0.42), trial(0.5, 0.5, null)])
  expect(runs[0]).toMatchObject({ worseBy: null, worseByError: null, loss: null })
  expect(spreadOf([0.25])).toEqual({ mean: 0.25, error: null, trials: [0.25] })
  expect(spreadOf([1, 2, 3, 6])).toEqual({ mean: 3, error: Math.sqrt(14 / 3 / 4), trials: [1, 2, 3, 6] })
})
