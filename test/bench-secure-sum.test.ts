import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'

test('lorica bench secure-sum says what one agent pays, and it is little beside the plain update', async () => {
  const cost = await runLorica<Readonly<Record<string, number>>>([
    ...['bench', 'secure-sum', '--agents', '7', '--size', '400KB'],
  ])
  expect(cost).toMatchObject({ agents: 7, elements: 100_000, bits: 32, neighbours: 6, threshold: 4 })
  expect(cost.plainBytes).toBeGreaterThan(400_000)
  expect(cost.bytesUp).toBeGreaterThan(cost.plainBytes!)
  expect(cost.ratio).toBeCloseTo((cost.bytesUp! + cost.bytesDown!) / cost.plainBytes!, 9)
  expect(cost.ratio).toBeLessThan(1.05)
})

test('noise that agents share out costs no byte', async () => {
  const small = ['bench', 'secure-sum', '--agents', '5', '--size', '40KB'] as const
  const [plain, noisy] = await Promise.all([
    runLorica<Readonly<Record<string, number>>>(small),
    runLorica<Readonly<Record<string, number>>>([...small, '--noise']),
  ])
  expect([noisy.elements, noisy.bytesUp]).toEqual([10_000, plain.bytesUp])
})
