import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'
import { type Aggregator, threadAggregator } from './aggregator.js'
import type { ClosedRound } from './closed-round.js'

const aggregates = [
  { strategy: 'svd' },
  { optimizer: { kind: 'adam', learningRate: 0.01 } },
  { trust: 'robust', robust: { rule: 'geometric-median' } },
]

/** The adapters of runs of two rounds, one for each way to aggregate, and whether a replay gives the same. */
async function released(aggregator?: Aggregator) {
  await using fleet = await startFleet(undefined, {}, (host) => ({
    ...host,
    ...(aggregator === undefined ? {} : { aggregator }),
  }))
  await startAgent(fleet, 'oslo', { delta: 0.25, tokens: 40 })
  await startAgent(fleet, 'turin', { delta: -0.5, tokens: 80 })
  const adapters: (string | null)[] = []
  for (const aggregate of aggregates) {
    const runId = await fleet.startRun({
      ...{ aggregate, rounds: { count: 2, minimum: 2 }, evaluate: { holdout: 0 } },
    })
    await fleet.event(runId, 'run-ended')
    adapters.push((await fleet.run(runId)).adapterSha256)
    const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/2/replay`)
    expect(body).toMatchObject({ isSame: true })
  }
  return adapters
}

test('a thread of its own makes the same adapters as the thread that answers agents', async () => {
  const here = await released()
  expect(new Set(here).size).toBe(3)
  expect(await released(threadAggregator())).toEqual(here)
})

const closed = (aggregate: object): ClosedRound =>
  ({
    ...{ runId: 'r1', memory: null, controlled: null },
    spec: {
      aggregate: { weights: { by: 'uniform', atMost: null }, ...aggregate },
      ...{ peft: { rank: 2 }, rounds: { mode: 'sync' } },
    },
    round: { round: 1, seats: new Map(), marks: [] },
    start: { config: { method: 'lora' }, tensors: new Map() },
  }) as unknown as ClosedRound

test('what is wrong with an aggregate comes back as the error that it was', async () => {
  const aggregator = threadAggregator()
  const robust = { trust: 'robust', strategy: 'fedavg', robust: { rule: 'krum', liars: 2 } }
  const [none, few] = await Promise.allSettled([
    aggregator.aggregate('/nowhere', closed({ strategy: 'fedavg' })),
    aggregator.aggregate('/nowhere', closed(robust)),
  ])
  expect(none).toMatchObject({
    reason: new RangeError('an aggregate expected at least one contribution, got none'),
  })
  expect(few).toMatchObject({ reason: { code: 'LRC-7008', expected: '7 updates or more', received: '0' } })
  await aggregator.close()
})

test('what a thread was doing when it fell is tried once more in another one', async () => {
  const program = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const falls = (when: string) => `import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ id }) => ${when} ? process.exit(3) : parentPort.postMessage({ id, result: 7 }))`
  const once = threadAggregator(program(falls('id === 0')))
  expect(await once.aggregate('/nowhere', closed({}))).toBe(7)
  const twice = threadAggregator(program(falls('id < 2')))
  await expect(twice.aggregate('/nowhere', closed({}))).rejects.toMatchObject({
    ...{ code: 'LRC-9001', message: expect.stringContaining('ended with 3') },
  })
  expect(await twice.aggregate('/nowhere', closed({}))).toBe(7)
  const idle = threadAggregator(program('setInterval(() => {}, 1000)'))
  const waiting = expect(idle.aggregate('/nowhere', closed({}))).rejects.toThrow('the coordinator stops')
  await idle.close()
  await waiting
  await Promise.all([once.close(), twice.close()])
})
