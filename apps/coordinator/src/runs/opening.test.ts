import { expect, test } from 'vitest'
import { holdOf } from './opening.js'
import type { Run } from './run.js'

const at = (iso: string) => Date.parse(iso)
const schedule = { cron: '0 22 * * 1-5', timeZone: 'Europe/Oslo', windowMs: 8 * 3600_000 }
const run = (more: object) =>
  ({ runId: 'tone-1', isPaused: false, spec: { schedule }, ...more }) as unknown as Parameters<
    typeof holdOf
  >[0]

test('a run is held until its window opens, in the time of its zone', () => {
  const friday = at('2026-03-27T12:00:00Z')
  expect(holdOf(run({}), friday)).toEqual({
    ...{ reason: 'waits for Fri 27 Mar 22:00 (Europe/Oslo)', untilMs: at('2026-03-27T21:00:00Z') },
  })
  expect(holdOf(run({}), at('2026-03-27T21:00:00Z'))).toBeUndefined()
  expect(holdOf(run({}), at('2026-03-28T05:00:00Z'))).toEqual({
    ...{ reason: 'waits for Mon 30 Mar 22:00 (Europe/Oslo)', untilMs: at('2026-03-30T20:00:00Z') }, // summer time since
  })
})

test('a paused run is held whatever its schedule says, until somebody resumes it', () => {
  const hold = { reason: 'paused by an operator: lorica run resume tone-1', untilMs: null }
  expect(holdOf(run({ isPaused: true }), at('2026-03-27T21:00:00Z'))).toEqual(hold)
  expect(holdOf(run({ isPaused: true, spec: { schedule: null } as Run['spec'] }), 0)).toEqual(hold)
  expect(holdOf(run({ spec: { schedule: null } as Run['spec'] }), 0)).toBeUndefined()
})
