import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../clock.js'
import { createBackpressure, type Valve } from './backpressure.js'
import { createTurns } from './turns.js'

/** A clock whose periods end when they are told to. */
function fakeClock() {
  const periods = new Set<() => void>()
  const clock: Clock = {
    now: () => 5000,
    monotonicMs: () => 5000,
    after: () => () => {},
    every: (_, act) => {
      periods.add(act)
      return () => void periods.delete(act)
    },
  }
  return { clock, tick: () => [...periods].map((act) => act()).length }
}

function fakeValve() {
  const seen = { isOpen: true, signs: 0 }
  const valve: Valve = {
    close: () => void Object.assign(seen, { isOpen: false }),
    open: () => void Object.assign(seen, { isOpen: true }),
    keepAlive: () => void seen.signs++,
  }
  return { valve, seen }
}

/** A piece of work that ends when it is told to. */
function pending() {
  let end = (): void => {}
  const done = new Promise<void>((resolve) => {
    end = resolve
  })
  return { act: () => done, end }
}

describe('createBackpressure', () => {
  test('beyond the budget nobody who uploads is read, and everybody again once half of it is on disk', async () => {
    const { clock } = fakeClock()
    const backpressure = createBackpressure(1000, clock, () => {})
    const [one, other, idle] = [fakeValve(), fakeValve(), fakeValve()]
    const [first, second] = [backpressure.intake(one.valve), backpressure.intake(other.valve)]
    backpressure.intake(idle.valve)
    const writes = [pending(), pending(), pending()]
    const held = [
      first.during(new Uint8Array(400), writes[0]!.act),
      second.during(new Uint8Array(300), writes[1]!.act),
    ]
    expect([one.seen.isOpen, other.seen.isOpen, backpressure.heldBytes()]).toEqual([true, true, 700])
    held.push(first.during(new Uint8Array(350), writes[2]!.act))
    expect([one.seen.isOpen, other.seen.isOpen, idle.seen.isOpen]).toEqual([false, false, true])
    writes[1]!.end()
    await held[1]
    expect([one.seen.isOpen, backpressure.heldBytes()]).toEqual([false, 750]) // more than half
    writes[2]!.end()
    await held[2]
    expect([one.seen.isOpen, other.seen.isOpen, backpressure.heldBytes()]).toEqual([true, true, 400])
  })

  test('who begins or ends meanwhile is closed and opened with the others', async () => {
    const { clock, tick } = fakeClock()
    const backpressure = createBackpressure(100, clock, () => {})
    const [full, late] = [fakeValve(), fakeValve()]
    const write = pending()
    const held = backpressure.intake(full.valve).during(new Uint8Array(130), write.act)
    const intake = backpressure.intake(late.valve)
    intake.begin()
    expect(late.seen.isOpen).toBe(false)
    tick()
    expect([full.seen.signs, late.seen.signs]).toEqual([1, 1]) // a peer that is not read is not taken for dead
    intake.end()
    expect(late.seen.isOpen).toBe(true)
    write.end()
    await held
    expect([full.seen.isOpen, tick()]).toEqual([true, 0])
  })

  test('a small view counts with the memory that it keeps', async () => {
    const { clock } = fakeClock()
    const backpressure = createBackpressure(10_000, clock, () => {})
    const write = pending()
    const held = backpressure
      .intake(fakeValve().valve)
      .during(new Uint8Array(6000).subarray(20, 30), write.act)
    expect(backpressure.heldBytes()).toBe(6000)
    write.end()
    await held
  })

  test('work that fails gives its bytes back', async () => {
    const { clock } = fakeClock()
    const backpressure = createBackpressure(10, clock, () => {})
    const { valve, seen } = fakeValve()
    const failing = backpressure.intake(valve).during(new Uint8Array(50), async () => {
      throw new RangeError('disk is full')
    })
    await expect(failing).rejects.toThrow('disk is full')
    expect([seen.isOpen, backpressure.heldBytes()]).toEqual([true, 0])
  })

  test('agents that stop when they are not read never hold more than the budget and one chunk', async () => {
    const step = fc.record({
      agent: fc.nat({ max: 5 }),
      size: fc.integer({ min: 1, max: 40 }),
      ends: fc.nat({ max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const backpressure = createBackpressure(100, fakeClock().clock, () => {})
        const agents = Array.from({ length: 6 }, () => {
          const { valve, seen } = fakeValve()
          return { seen, intake: backpressure.intake(valve) }
        })
        for (const { intake } of agents) intake.begin()
        const writes: { end: () => void; held: Promise<void> }[] = []
        for (const { agent, size, ends } of steps) {
          const { seen, intake } = agents[agent]!
          if (seen.isOpen) {
            const { act, end } = pending()
            writes.push({ end, held: intake.during(new Uint8Array(size), act) })
          }
          expect(backpressure.heldBytes()).toBeLessThan(100 + 40)
          for (const { end, held } of writes.splice(0, ends)) {
            end()
            await held
          }
        }
        for (const { end } of writes) end()
        await Promise.all(writes.map(({ held }) => held))
        expect(backpressure.heldBytes()).toBe(0)
        expect(agents.every(({ seen }) => seen.isOpen)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})

test('createTurns runs as many at once as it may, in order, past one that fails', async () => {
  const inTurn = createTurns(2)
  const works = [pending(), pending(), pending(), pending()]
  const begun: number[] = []
  const results = works.map(({ act }, index) =>
    inTurn(async () => {
      begun.push(index)
      await act()
      if (index === 1) throw new RangeError('not finite')
      return 10 * index
    }),
  )
  const settled = Promise.allSettled(results)
  await Promise.resolve()
  expect(begun).toEqual([0, 1])
  works[1]!.end()
  await results[1]!.catch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
  expect(begun).toEqual([0, 1, 2])
  for (const { end } of works) end()
  const values = (await settled).map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))
  expect(values).toEqual([0, 'failed', 20, 30])
})
