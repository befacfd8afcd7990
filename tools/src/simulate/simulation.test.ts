import { describe, expect, test } from 'vitest'
import { faultKinds } from './faults.js'
import { simulate } from './simulation.js'
import { type Way, ways } from './ways.js'

const SEEDS = 200
const again = (seed: number): string => `see it: npm run simulate -- --seed ${seed} --trace`

describe('whatever goes wrong', () => {
  // In parts, so that a failure shows early and its seed stands in the name.
  const parts = Array.from({ length: 8 }, (_, part) => part)
  test.each(parts)('what has to hold holds, part %i', async (part) => {
    const size = SEEDS / parts.length
    for (let seed = part * size + 1; seed <= (part + 1) * size; seed++) {
      const { problems } = await simulate({ seed, faults: faultKinds })
      expect(problems, again(seed)).toEqual([])
    }
  })
})

describe('in rounds that take late updates', () => {
  test('what has to hold holds, whatever goes wrong', async () => {
    let [late, tooOld] = [0, 0]
    for (let seed = 1; seed <= 24; seed++) {
      const { problems, rounds, ...outcome } = await simulate({ seed, faults: faultKinds, mode: 'buffered' })
      expect(problems, `${again(seed)} --mode buffered`).toEqual([])
      late += rounds.reduce((sum, round) => sum + round.late, 0)
      tooOld += outcome.tooOld
    }
    expect(late).toBeGreaterThan(10)
    expect(tooOld).toBeGreaterThan(3)
  })

  test('with an agent that is five times slower than two others more rounds are released in the same time', async () => {
    let [sync, buffered] = [0, 0]
    for (let seed = 1; seed <= 5; seed++) {
      const setting = { seed: 3 * seed + 2, faults: [], rounds: 8, slowness: 5 }
      sync += (await simulate({ ...setting, mode: 'sync' })).virtualSeconds
      buffered += (await simulate({ ...setting, mode: 'buffered' })).virtualSeconds
    }
    expect(sync / buffered).toBeGreaterThan(1.5)
  })
})

test('the same seed gives the same history to the byte, and another one another', async () => {
  const [first, second, other] = [
    await simulate({ seed: 11, faults: faultKinds }),
    await simulate({ seed: 11, faults: faultKinds }),
    await simulate({ seed: 12, faults: faultKinds }),
  ]
  expect(second.history).toEqual(first.history)
  expect(first.history.length).toBeGreaterThan(100)
  expect(other.sha256).not.toBe(first.sha256)
})

test('with the same updates a run comes to the same adapter, bit for bit, as if nothing had gone wrong', async () => {
  const calm = await simulate({ seed: 1, faults: [] })
  expect(calm.state).toBe('succeeded')
  const adapters = new Map(
    calm.rounds.map(({ contributions, adapterSha256 }) => [contributions, adapterSha256]),
  )
  expect(adapters.size).toBe(2)
  let compared = 0
  for (let seed = 1; seed <= 20; seed++) {
    const { rounds, history } = await simulate({ seed, faults: ['crash', 'partition', 'storm'] })
    if (!history.some((line) => /killed|nothing gets/.test(line))) continue
    for (const { contributions, adapterSha256 } of rounds) {
      if (!adapters.has(contributions)) continue
      expect(adapterSha256, again(seed)).toBe(adapters.get(contributions))
      compared++
    }
  }
  expect(compared).toBeGreaterThan(10)
})

describe('however updates are aggregated', () => {
  const kinds = Object.keys(ways).filter((way) => way !== 'mean' && way !== 'private') as Way[]
  test.each(kinds)('%s comes to the same adapters, whatever is killed in between', async (way) => {
    const adapters = new Map<string, string>() // by the contributions of a round
    let compared = 0
    for (let seed = 1; seed <= 6; seed++) {
      const { problems, rounds } = await simulate({ seed, way, rounds: 3, faults: ['crash', 'partition'] })
      expect(problems, `${again(seed)} --way ${way} --rounds 3`).toEqual([])
      for (const { contributions, adapterSha256 } of rounds) {
        const known = adapters.get(contributions)
        if (known !== undefined) compared++
        expect(known ?? adapterSha256, `${again(seed)} --way ${way} --rounds 3`).toBe(adapterSha256)
        adapters.set(contributions, adapterSha256)
      }
    }
    expect(compared).toBeGreaterThan(3)
  })
})

// Of other seeds some lose so many agents after shares were revealed that the round is given up: it cannot be tried again with others, and its run ends.
const SUMMED = [1, 3, 4]

test('updates that are summed unseen make releases while machines and links fail, and no masked update is ever sent twice', async () => {
  const masked: string[] = []
  for (const seed of SUMMED) {
    const { problems, rounds, sums, losses } = await simulate({
      ...{ seed, way: 'private' as const, faults: ['crash', 'partition'] as const },
    })
    expect(problems, `${again(seed)} --way private`).toEqual([])
    expect(sums).toBeGreaterThanOrEqual(rounds.length)
    expect(losses).toBeGreaterThanOrEqual(rounds.length)
    for (const { contributions } of rounds) {
      expect(contributions.split(',').length).toBeGreaterThan(2)
      masked.push(...contributions.split(','))
    }
  }
  expect(masked.length).toBeGreaterThan(15)
  expect(new Set(masked).size).toBe(masked.length)
})

test('two dozen agents sum unseen while machines and links fail, and every sum is that of the plain values', async () => {
  const setting = { seed: 4, way: 'private', agents: 24, rounds: 1, faults: ['crash', 'partition'] } as const
  const { problems, sums } = await simulate(setting)
  expect(problems, `${again(setting.seed)} --way private --agents 24 --rounds 1`).toEqual([])
  expect(sums).toBe(1)
}, 60_000)

test('a coordinator that promised what is not safe on disk would be noticed', async () => {
  const { problems } = await simulate({ seed: 3, faults: [], diskFlushes: false })
  expect(problems[0]).toMatch(/^I1: agent-\d was promised [0-9a-f]{64} before its bytes were safe$/)
})
