import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'

interface Bench {
  readonly connections: number
  readonly bytesPerConnection: number
  readonly roundsPerMinute: number
  readonly uploadMBps: number
  readonly bareMBps: number
  readonly uploadRatio: number
  readonly load: {
    readonly uploads: readonly {
      readonly agents: number
      readonly updateBytes: number
      readonly repetitions: readonly { lorica: number; bare: number; ratio: number }[]
    }[]
  }
}

test('bench fleet holds a real coordinator against a bare WebSocket server and prints one document', async () => {
  const small = '--agents 12 --uploads 3 --update-mb 0.5 --hold 0.2 --rounds 2 --repetitions 1'
  const result = await runLorica<Bench>(['bench', 'fleet', ...small.split(' ')])
  expect(result.connections).toBe(62) // with the 50 that come before the first sample
  expect(result.roundsPerMinute).toBeGreaterThan(0)
  expect(result.load.uploads.map(({ agents }) => agents)).toEqual([1, 3])
  const together = result.load.uploads[1]!
  expect(together.updateBytes).toBeGreaterThan(524_288) // one layer: 131,072 floats, and a header
  expect(together.updateBytes).toBeLessThan(528_000)
  const [turn] = together.repetitions
  expect(turn!.ratio).toBeCloseTo(turn!.lorica / turn!.bare, 9)
  expect(result.uploadRatio).toBe(turn!.ratio) // one repetition is its own median
})
