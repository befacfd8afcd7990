import { describe, expect, test } from 'vitest'
import type { Matrix } from '../linear-algebra/matrix.js'
import { rowProducts } from '../linear-algebra/row-products.js'
import { createRandom, fillNormal } from '../train/random.js'
import { decodeDistances, encodeDistances } from './distance-memory-file.js'
import { rememberedKrum } from './krum.js'
import { type DistanceMemory, meanDistances, relativeDistances, remembered } from './remembered-distances.js'

const gramOf = (rows: readonly (readonly number[])[]): Matrix =>
  rowProducts({ rows: rows.length, columns: rows[0]!.length, data: Float64Array.from(rows.flat()) })

const between = ({ data, columns }: Matrix, i: number, j: number): number => data[i * columns + j]!

test('distances are squares beside the median length, and who sends nothing is far from everybody', () => {
  const distances = relativeDistances(
    gramOf([
      [3, 4],
      [0, 5],
      [-3, -4],
      [0, 0],
      [30, 40],
    ]),
  )
  expect(between(distances, 0, 1)).toBeCloseTo(0.4, 12) // (9 + 1) / 25
  expect(between(distances, 0, 2)).toBeCloseTo(4, 12)
  expect(between(distances, 2, 1)).toBeCloseTo(3.6, 12)
  expect(between(distances, 0, 3)).toBeCloseTo(2, 12) // 25 / 25 by its length, but no direction
  expect(between(distances, 0, 4)).toBeCloseTo(81, 12)
  expect(between(distances, 3, 3)).toBe(0)
  expect([...relativeDistances(gramOf([[0], [0]])).data]).toEqual([0, 0, 0, 0])
})

/** Distances of agents on a line, each place once. */
const lineOf = (places: readonly number[]): Matrix => ({
  ...{ rows: places.length, columns: places.length },
  data: Float64Array.from(places.flatMap((one) => places.map((other) => (one - other) ** 2))),
})

describe('a memory', () => {
  const first = remembered(lineOf([1, 2, 2.5]), ['oslo', 'graz', 'turin'], {
    ...{ before: null, halfLifeRounds: 0.5 },
  })
  const pair = ({ ids, sums, counts }: DistanceMemory, one: string, other: string) => {
    const [i, j] = [ids.indexOf(one), ids.indexOf(other)]
    return [between(sums, i, j), between(counts, i, j)]
  }

  test('counts a round half after its half-life, and none more than two updates can be apart', () => {
    expect(pair(first, 'oslo', 'turin')).toEqual([0.25 * 2.25, 0.25])
    expect(pair(first, 'turin', 'oslo')).toEqual([0.25 * 2.25, 0.25])
    const second = remembered(lineOf([1, 100]), ['oslo', 'graz'], { before: first, halfLifeRounds: 0.5 })
    expect(pair(second, 'oslo', 'graz')).toEqual([0.25 * (0.25 * 1 + 4), 0.25 * 1.25])
    expect(pair(second, 'oslo', 'turin')).toEqual(pair(first, 'oslo', 'turin')) // turin was away
    expect(pair(second, 'graz', 'graz')).toEqual([0, 0])
  })

  test('is averaged with the distances of the round; of a newcomer only those count', () => {
    const now = lineOf([3, 5, 9])
    const mean = meanDistances(now, ['turin', 'oslo', 'ghent'], first)
    expect(between(mean, 0, 1)).toBeCloseTo((4 + 0.25 * 2.25) / 1.25, 12)
    expect(between(mean, 1, 2)).toBe(16)
    expect([...meanDistances(now, ['turin', 'oslo', 'ghent'], null).data]).toEqual([...now.data])
  })

  test('is the same after it was a file, and a damaged file is refused', () => {
    const file = encodeDistances(first)
    expect(decodeDistances(file)).toEqual(first)
    expect(() => decodeDistances(file.subarray(0, file.length - 8))).toThrow(RangeError)
    const { ids, sums, counts } = first
    expect(() => decodeDistances(encodeDistances({ ids: ids.slice(1), sums, counts }))).toThrow(
      'expected float64 (2, 2) in "sums", got float64 (3, 3)',
    )
    expect(() => decodeDistances(encodeDistances({ ids: ['a', 'a', 'b'], sums, counts }))).toThrow(
      'expected the ids of their agents, got ["a","a","b"]',
    )
    const wrong = { ...sums, data: sums.data.map((value, at) => (at === 1 ? Number.NaN : value)) }
    expect(() => decodeDistances(encodeDistances({ ids, sums: wrong, counts }))).toThrow('in "sums", got NaN')
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'has no half-life of %d rounds',
    (halfLifeRounds) => {
      expect(() => remembered(lineOf([1, 2]), ['a', 'b'], { before: null, halfLifeRounds })).toThrow(
        `halfLifeRounds expected a number above 0, got ${halfLifeRounds}`,
      )
    },
  )
})

test('Krum on remembered distances keeps all but the liars, and needs as many updates as before', () => {
  const weights = rememberedKrum(lineOf([1, 1.1, 1.2, 1.3, 1.4, 9, -9]), { liars: 2 })
  expect(weights).toEqual([0.2, 0.2, 0.2, 0.2, 0.2, 0, 0])
  const few = rememberedKrum(lineOf([1, 1.1, 1.2, 1.3, 1.45, 9, -9]), { liars: 2, kept: 3 })
  expect(few).toEqual([0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
  expect(() => rememberedKrum(lineOf([1, 2, 3, 4, 5, 6]), { liars: 2 })).toThrow(
    'expected at least 7 updates',
  )
  expect(() => rememberedKrum(lineOf([1, 2, 3, 4, 5, 6, 7]), { liars: 2, kept: 6 })).toThrow(
    'expected to keep 1 to 5, got 6',
  )
})

/** Updates of ten agents that share a weak direction; the first two send what `lie` makes of theirs. */
function updatesOf(round: number, lie: (value: number) => number): readonly (readonly number[])[] {
  return Array.from({ length: 10 }, (_, agent) => {
    const noise = new Float64Array(40)
    fillNormal(noise, createRandom(5, `round ${round} agent ${agent}`))
    const row = [...noise].map((value, at) => value + (at % 2 === 0 ? 0.35 : -0.35))
    return agent < 2 ? row.map(lie) : row
  })
}

/** In how many of the rounds `from` to 29 a liar counts, with and without a memory. */
function caught(lieIn: (round: number) => (value: number) => number, from: number) {
  const ids = Array.from({ length: 10 }, (_, at) => `agent ${at}`)
  let before: DistanceMemory | null = null
  let [wrong, wrongAlone] = [0, 0]
  for (let round = 0; round < 30; round++) {
    const now = relativeDistances(gramOf(updatesOf(round, lieIn(round))))
    const counts = (weights: readonly number[]): boolean => weights[0]! > 0 || weights[1]! > 0
    if (round >= from && counts(rememberedKrum(meanDistances(now, ids, before), { liars: 2 }))) wrong++
    if (round >= from && counts(rememberedKrum(now, { liars: 2 }))) wrongAlone++
    before = remembered(now, ids, { before, halfLifeRounds: 7 })
  }
  return { wrong, wrongAlone }
}

test('a turned sign that hides in the noise of one round is found over some', () => {
  const { wrong, wrongAlone } = caught(() => (value) => -value, 5)
  expect(wrong).toBe(0)
  expect(wrongAlone).toBeGreaterThan(3)
})

test('who was honest for long and then sends a hundredfold is left out at once, and who turns the sign soon', () => {
  const late = (factor: number) => (round: number) => (value: number) => (round < 15 ? value : factor * value)
  expect(caught(late(100), 15).wrong).toBe(0)
  expect(caught(late(-1), 15 + 7).wrong).toBe(0)
})
