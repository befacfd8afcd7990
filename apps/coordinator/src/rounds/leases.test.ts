import { describe, expect, test } from 'vitest'
import { createLeases, lapsesAtMs, type Pace, patienceMs } from './leases.js'

const LEASE_MS = 15_000
const MINUTE_MS = 60_000
const pace: Pace = { movedAtMs: 1000, longestGapMs: 2500, expectedMs: 90_000, wholeMs: 200_000 }

/** Leases whose clock is moved by hand. */
function startLeases() {
  let nowMs = 0
  const leases = createLeases({ monotonicMs: () => nowMs }, LEASE_MS)
  const report = (step: number, phase = 'train', assignmentId = 'a1') =>
    leases.moved('oslo', { assignmentId, phase, step, steps: 100 })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { leases, report, pass }
}

describe('patienceMs', () => {
  test('an agent that is connected has ten minutes and eight times its longest gap', () => {
    expect(patienceMs(pace, { kind: 'connected' }, LEASE_MS)).toBe(620_000)
    expect(lapsesAtMs(pace, { kind: 'connected' }, LEASE_MS)).toBe(621_000)
  })

  test('before its first step it has half an hour', () => {
    expect(patienceMs({ ...pace, longestGapMs: null }, { kind: 'connected' }, LEASE_MS)).toBe(30 * MINUTE_MS)
  })

  test('an agent that fell silent has ten minutes beyond half more than it was going to take', () => {
    const contact = { kind: 'silent', sinceMs: 4000 } as const
    expect(patienceMs(pace, contact, LEASE_MS)).toBe(735_000)
    expect(lapsesAtMs(pace, contact, LEASE_MS)).toBe(739_000)
  })

  test('an agent that closed its connection may start its assignment again', () => {
    expect(patienceMs(pace, { kind: 'closed', sinceMs: 4000 }, LEASE_MS)).toBe(315_000)
  })
})

describe('leases', () => {
  test('training that takes a day loses no seat while it reports steps', () => {
    const { leases, report, pass } = startLeases()
    leases.present('oslo')
    leases.asked('oslo')
    for (let step = 1; step <= 100; step++) {
      pass(14.4 * MINUTE_MS)
      report(step)
      expect(leases.hasLapsed('oslo'), `step ${step}`).toBe(false)
    }
  })

  test('one that is connected and repeats itself hangs', () => {
    const { leases, report, pass } = startLeases()
    leases.present('oslo')
    leases.asked('oslo')
    report(1)
    pass(3000)
    report(2)
    for (let minute = 0; minute < 10; minute++) {
      pass(MINUTE_MS)
      report(2)
    }
    expect(leases.hasLapsed('oslo')).toBe(false) // 10 min + 8 * 3 s are not over
    pass(24_000)
    expect(leases.hasLapsed('oslo')).toBe(true)
    expect(leases.absence('oslo')).toBe('connected, but made no progress for 624 s')
    report(3)
    expect([leases.hasLapsed('oslo'), leases.absence('oslo')]).toEqual([false, undefined])
  })

  test('a partition of six minutes costs no seat, one for ever does', () => {
    const { leases, report, pass } = startLeases()
    leases.present('oslo')
    leases.asked('oslo')
    report(0)
    pass(20_000)
    report(20) // 80 steps of 1 s are left
    leases.lost('oslo', 'silent')
    pass(6 * MINUTE_MS)
    leases.lost('oslo', 'closed') // what is known first stays
    expect(leases.hasLapsed('oslo')).toBe(false)
    pass(6 * MINUTE_MS - 1) // 10 min + 1.5 * 80 s
    expect(leases.hasLapsed('oslo')).toBe(false)
    pass(1)
    expect(leases.absence('oslo')).toBe('away for 720 s')
    leases.present('oslo')
    expect(leases.hasLapsed('oslo')).toBe(false)
  })

  test('a process that ended has a lease and the time to train again', () => {
    const { leases, report, pass } = startLeases()
    leases.present('oslo')
    leases.asked('oslo')
    report(0)
    pass(10_000)
    report(25) // 0.4 s a step, 40 s the whole
    leases.lost('oslo', 'closed')
    pass(74_999)
    expect(leases.hasLapsed('oslo')).toBe(false)
    pass(1)
    expect(leases.hasLapsed('oslo')).toBe(true)
  })

  test('before it has trained anything it is known by its last assignment', () => {
    const { leases, report, pass } = startLeases()
    leases.present('oslo')
    report(0)
    pass(200_000)
    report(100) // 200 s the whole
    report(10, 'download', 'a2')
    leases.lost('oslo', 'silent')
    pass(10 * MINUTE_MS + 299_999)
    expect(leases.hasLapsed('oslo')).toBe(false)
    pass(1)
    expect(leases.hasLapsed('oslo')).toBe(true)
  })

  test('an agent that is asked while it is away is away since then', () => {
    const { leases, pass } = startLeases()
    pass(5000)
    expect(leases.hasLapsed('oslo')).toBe(false)
    leases.lost('oslo', 'silent')
    pass(10 * MINUTE_MS - 1)
    expect(leases.hasLapsed('oslo')).toBe(false)
    pass(1)
    expect(leases.hasLapsed('oslo')).toBe(true)
  })

  test('what one agent does renews no lease of another', () => {
    const { leases, report, pass } = startLeases()
    for (const agent of ['oslo', 'turin']) leases.present(agent)
    pass(31 * MINUTE_MS)
    report(1)
    expect([leases.hasLapsed('oslo'), leases.hasLapsed('turin')]).toEqual([false, true])
  })
})
