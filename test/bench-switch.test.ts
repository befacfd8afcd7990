import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'

interface Times {
  readonly requests: number
  readonly p50Ms: number
  readonly p95Ms: number
}
interface Bench {
  readonly switches: number
  readonly failures: number
  readonly during: Times
  readonly otherwise: Times
  readonly p95Ratio: number
}

test('bench switch changes the adapter of a model under load: every request is answered, and those that met a change are told apart', async () => {
  const options = ['--shape', 'tiny', '--clients', '3', '--tokens', '12', '--switches', '4', '--pause', '0.1']
  const { switches, failures, during, otherwise, p95Ratio } = await runLorica<Bench>([
    'bench',
    'switch',
    ...options,
  ])
  expect([switches, failures]).toEqual([4, 0])
  expect(during.requests).toBeGreaterThanOrEqual(4 * 3) // each client has one under way at each change
  expect(otherwise.requests).toBeGreaterThan(0)
  expect(p95Ratio).toBeCloseTo(during.p95Ms / otherwise.p95Ms, 9)
})
