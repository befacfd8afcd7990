import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

interface Run {
  readonly attack: string
  readonly rule: string
  readonly loss: number | null
  readonly worseBy: number | null
  readonly refused?: string
}
interface Bench {
  readonly clean: { readonly loss: number }
  readonly untrained: { readonly loss: number }
  readonly runs: readonly Run[]
}

const small = '--trials 1 --agents 7 --rounds 4 --steps 8 --rows 64 --liars 2 --attacks scaling'

test('bench robust trains federations with liars; the geometric median learns where the mean is lost, and Bulyan refuses so few', async () => {
  const args = (engines: number) => [
    'bench',
    'robust',
    ...small.split(' '),
    '--rules',
    'mean,geometric-median,bulyan',
    '--engines',
    String(engines),
  ]
  const result = await runLorica<Bench>(args(2))
  const of = (rule: string) => result.runs.filter((run) => run.rule === rule)
  expect(result.untrained.loss).toBeCloseTo(Math.log(4), 1)
  for (const { loss, worseBy } of of('geometric-median')) {
    expect(loss).toBeLessThan(result.untrained.loss)
    expect(worseBy).toBeCloseTo(loss! / result.clean.loss - 1, 9)
  }
  for (const { worseBy } of of('mean')) expect(worseBy ?? Number.POSITIVE_INFINITY).toBeGreaterThan(0.5)
  expect(of('bulyan').map(({ refused }) => refused)).toEqual([
    'Bulyan against 2 liars expected at least 11 updates (4 * liars + 3), got 7',
  ])
  expect((await runLorica<Bench>(args(1))).runs).toEqual(result.runs)
})

test('unknown rules and impossible numbers of liars are refused', async () => {
  const rule = await tryLorica(['bench', 'robust', '--rules', 'mean,vote'])
  expect([rule.status, rule.stderr]).toEqual([2, expect.stringContaining('--rules has an unknown name')])
  const liars = await tryLorica(['bench', 'robust', '--liars', '2,10'])
  expect([liars.status, liars.stderr]).toEqual([
    2,
    expect.stringContaining('--liars expected numbers from 1 to 9'),
  ])
})
