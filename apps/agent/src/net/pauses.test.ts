import { expect, test } from 'vitest'
import { createPauses } from './pauses.js'

/** The same fractions each time, as even as those of chance (mulberry32). */
function fractions(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test('each pause is drawn from the least one up to three times the one before, and none is longer than 10 s', () => {
  const drawn = [0.5, 1, 0.25, 1, 1, 1, 0]
  const pauses = createPauses({ fraction: () => drawn.shift() ?? 0 })
  // 125 + 0.5 (375 - 125) = 250; 3 * 250 = 750; 125 + 0.25 (2250 - 125) = 656.25; then three times each, up to 10 s.
  expect(Array.from({ length: 7 }, () => pauses.nextMs())).toEqual([
    250, 750, 656.25, 1968.75, 5906.25, 10_000, 125,
  ])
})

test('a fleet that was told 4 s comes back between 2 and 6 s, and may wait up to 10 s; one that was told 30 s up to 60 s', () => {
  const told = (ms: number, fraction: number) => {
    const pauses = createPauses({ fraction: () => fraction })
    pauses.paceTo(ms)
    return Array.from({ length: 5 }, () => pauses.nextMs())
  }
  expect(told(4000, 0)).toEqual([2000, 2000, 2000, 2000, 2000])
  expect(told(4000, 1)).toEqual([6000, 10_000, 10_000, 10_000, 10_000])
  expect(told(30_000, 1)).toEqual([45_000, 60_000, 60_000, 60_000, 60_000])
})

test('a success forgets the pauses before it', () => {
  const pauses = createPauses({ fraction: () => 1 })
  expect([pauses.nextMs(), pauses.nextMs()]).toEqual([375, 1125])
  pauses.reset()
  expect(pauses.nextMs()).toBe(375)
})

test('two thousand agents that fail together do not try together: at each attempt they are spread over seconds', () => {
  const fleet = Array.from({ length: 2000 }, (_, agent) =>
    createPauses({ fraction: fractions(7919 * agent + 1) }),
  )
  const atMs = fleet.map(() => 0)
  const most: number[] = [] // agents within 100 ms, at each attempt
  for (let attempt = 0; attempt < 6; attempt++) {
    const slots = new Map<number, number>()
    for (const [agent, pauses] of fleet.entries()) {
      const pauseMs = pauses.nextMs()
      expect(pauseMs).toBeGreaterThanOrEqual(125)
      expect(pauseMs).toBeLessThanOrEqual(10_000)
      atMs[agent]! += pauseMs
      const slot = Math.floor(atMs[agent]! / 100)
      slots.set(slot, (slots.get(slot) ?? 0) + 1)
    }
    most.push(Math.max(...slots.values()))
  }
  expect(most[0]).toBeGreaterThan(600) // of 2000 within 250 ms
  expect(most[0]).toBeLessThan(1000)
  expect(most[2]).toBeLessThan(400)
  expect(most[5]).toBeLessThan(150)
})
