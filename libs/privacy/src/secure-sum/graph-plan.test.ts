import { expect, test } from 'vitest'
import { logTail, planGraph } from './graph-plan.js'
import { neighbourGraph } from './neighbour-graph.js'

test('the tail is that of the hypergeometric distribution', () => {
  // 5 drawn of 52 with 4 marked: P(>= 2) = 1 - (C(48,5) + 4 C(48,4)) / C(52,5) = 0.0416844
  expect(Math.exp(logTail(52, 4, 5, 2))).toBeCloseTo(0.0416844, 6)
  expect(Math.exp(logTail(52, 4, 5, 0))).toBeCloseTo(1, 12)
  expect(logTail(52, 4, 5, 5)).toBe(Number.NEGATIVE_INFINITY)
})

test('a small cohort is complete, with a threshold above half and above the corrupt', () => {
  expect(planGraph({ agents: 10, corruptShare: 0.2, dropoutShare: 0.3 })).toEqual({
    degree: 9,
    threshold: 6,
    minSurvivors: 7,
  })
  expect(planGraph({ agents: 10, corruptShare: 0.75, dropoutShare: 0.1 })).toEqual({
    degree: 9,
    threshold: 8,
    minSurvivors: 9,
  })
})

test('a large cohort is sparse, and both chances hold for what was chosen', () => {
  const request = { agents: 1000, corruptShare: 0.05, dropoutShare: 0.05 }
  const { degree, threshold, minSurvivors } = planGraph(request)
  expect(minSurvivors).toBe(950)
  expect(degree).toBeLessThan(100)
  expect(2 * threshold).toBeGreaterThan(degree + 1)
  const bits = (log: number) => -(log + Math.log(1000)) / Math.LN2
  expect(bits(logTail(999, 50, degree, threshold))).toBeGreaterThanOrEqual(40)
  expect(bits(logTail(999, 50, degree, degree - threshold + 1))).toBeGreaterThanOrEqual(20)
  expect(planGraph({ ...request, securityBits: 80 }).degree).toBeGreaterThan(degree)
  expect(planGraph({ ...request, corruptShare: 0.3 }).degree).toBeGreaterThan(degree)
})

test('a plan that cannot protect is refused', () => {
  expect(() => planGraph({ agents: 9, corruptShare: 0.34, dropoutShare: 0.34 })).toThrow(/got 3 \+ 2 x 3/)
  expect(() => planGraph({ agents: 2, corruptShare: 0, dropoutShare: 0 })).toThrow(/from 3/)
  expect(() => planGraph({ agents: 1000, corruptShare: 0.5, dropoutShare: 0.2 })).toThrow(/255 shares/)
  expect(() => planGraph({ agents: 9, corruptShare: Number.NaN, dropoutShare: 0 })).toThrow(/corruptShare/)
})

const agents = Array.from({ length: 31 }, (_, index) => `a${index}`)

test('every agent has as many neighbours as asked for, and is theirs', () => {
  const graph = neighbourGraph(agents, 6, new Uint8Array(32).fill(9))
  for (const [agent, peers] of graph) {
    expect(new Set(peers).size).toBe(6)
    expect(peers).not.toContain(agent)
    for (const peer of peers) expect(graph.get(peer)).toContain(agent)
  }
  const reached = new Set(['a0'])
  for (const agent of reached) for (const peer of graph.get(agent)!) reached.add(peer)
  expect(reached.size).toBe(31)
})

test('the order depends on the seed alone, and all neighbours are as likely', () => {
  const seed = (n: number) => new Uint8Array(32).fill(n)
  expect(neighbourGraph(agents.toReversed(), 6, seed(4))).toEqual(
    new Map([...neighbourGraph(agents, 6, seed(4))]),
  )
  const counts = new Map<string, number>()
  for (let n = 0; n < 250; n += 1)
    for (const peer of neighbourGraph(agents, 6, seed(n)).get('a3')!)
      counts.set(peer, (counts.get(peer) ?? 0) + 1)
  const chiSquare = agents
    .filter((a) => a !== 'a3')
    .reduce((sum, a) => sum + ((counts.get(a) ?? 0) - 50) ** 2 / 50, 0)
  expect(chiSquare).toBeLessThan(75) // 29 degrees of freedom
  expect(() => neighbourGraph(agents, 5, seed(1))).toThrow(/even number/)
})
