import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

interface Row {
  readonly strategy: string
  readonly losses: readonly number[]
  readonly ownLosses: readonly number[]
  readonly upBytes: readonly number[]
  readonly downBytes: readonly number[]
  readonly gainPerMB: number
}
interface Group {
  readonly ranks: readonly number[]
  readonly alone: readonly number[]
  readonly aloneOwn: readonly number[]
  readonly untrained: readonly number[]
  readonly rows: readonly Row[]
}
interface Bench {
  readonly mixed: Group
  readonly equal: Group
  readonly doubled: Group
  readonly findings: readonly string[]
}

/** Values of A and B of a rank: 2 layers of four 32 x 32 and three 32 x 64 products. */
const values = (rank: number): number => 2 * rank * (4 * (32 + 32) + 3 * (32 + 64))
/** Those of B alone, by the outputs. */
const valuesOfB = (rank: number): number => 2 * rank * (5 * 32 + 2 * 64)

const small = '--agents 4 --rounds 2 --steps 6 --rows 48 --seeds 2 --learning-rate 0.02'.split(' ')
const strategies = ['svd', 'hetlora', 'flora', 'fedex', 'ffa', 'rolora', 'fedsa']

test('bench learning trains agents of mixed and of equal ranks: all beat an agent alone, svd beats padding with zeros, and bytes are those of the tensors', async () => {
  const args = ['bench', 'learning', ...small, '--strategies', strategies.join(',')]
  const { mixed, equal, doubled, findings } = await runLorica<Bench>(args)
  expect([mixed.ranks, equal.ranks, doubled.ranks]).toEqual([
    [4, 8, 16, 4],
    [8, 8, 8, 8],
    [16, 16, 16, 16],
  ])
  expect(mixed.rows.map(({ strategy }) => strategy)).toEqual(['svd', 'hetlora', 'flora'])
  const row = ({ rows }: Group, name: string): Row => rows.find(({ strategy }) => strategy === name)!
  const [svd, padded] = [row(mixed, 'svd'), row(mixed, 'hetlora')]
  for (const [at, loss] of svd.losses.entries()) {
    expect(loss).toBeLessThan(padded.losses[at]!)
    expect(loss).toBeLessThan(mixed.alone[at]!)
    expect(mixed.alone[at]).toBeLessThan(mixed.untrained[at]!)
  }
  const own = row(equal, 'fedsa')
  for (const [at, loss] of own.losses.entries()) {
    expect(own.ownLosses[at]).toBeLessThan(loss - 0.5) // its B fits the text of its agent
    expect(equal.aloneOwn[at]).toBeLessThan(equal.alone[at]! - 0.5)
  }
  expect(findings[0]).toMatch(/^mixed ranks: svd ends 0\.\d+ nats below .* in 2 of 2 seeds$/)

  const rounds = 2
  expect(svd.upBytes).toEqual([4, 8, 16, 4].map((rank) => rounds * 4 * values(rank)))
  expect(svd.downBytes).toEqual(svd.upBytes)
  expect(row(mixed, 'flora').downBytes).toEqual([1, 1, 1, 1].map(() => rounds * 4 * values(32)))
  expect(row(equal, 'fedex').downBytes[0]).toBe(rounds * 4 * values(8 + 3 * 8))
  expect(row(equal, 'ffa').upBytes[0]).toBe(rounds * 4 * valuesOfB(8))
  expect(row(equal, 'rolora').upBytes[0]).toBe(4 * values(8)) // B in one round and A in the other
  expect(doubled.rows.map(({ strategy }) => strategy)).toEqual(['ffa', 'rolora'])
  expect(row(doubled, 'rolora').upBytes[0]).toBe(2 * row(equal, 'rolora').upBytes[0]!)
  expect(findings[2]).toMatch(/^about as much sent: svd, flora, fedex, ffa, rolora end 0\.\d+ nats apart/)
  expect(row(equal, 'fedsa').upBytes[0]).toBe(rounds * 4 * (values(8) - valuesOfB(8)))
  const megabytes = svd.upBytes.concat(svd.downBytes).reduce((sum, bytes) => sum + bytes, 0) / 4 / 1e6
  const gain = (mixed.untrained[0]! + mixed.untrained[1]! - svd.losses[0]! - svd.losses[1]!) / 2
  expect(svd.gainPerMB).toBeCloseTo(gain / megabytes, 9)
}, 120_000)

test('unknown strategies and impossible ranks are refused', async () => {
  const name = await tryLorica(['bench', 'learning', '--strategies', 'svd,vote'])
  expect([name.status, name.stderr]).toEqual([2, expect.stringContaining('--strategies has an unknown name')])
  const ranks = await tryLorica(['bench', 'learning', '--ranks', '4,0'])
  expect([ranks.status, ranks.stderr]).toEqual([2, expect.stringContaining('--ranks expected whole numbers')])
})
