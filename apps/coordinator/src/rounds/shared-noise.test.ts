import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import { epsilonOf, gaussianEpsilon, SHARED_NOISE_APART } from '@lorica/privacy'
import type {
  PrivacyLedgerView,
  ReleaseManifest,
  ReplayView,
  RoundView,
  TrainAssignment,
} from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { ScriptedAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { startSummingAgent } from '../summing-agent.fixture.js'

const VALUES = 128 // that agents train: two factors of four modules of rank 2, 8 wide
const changes = { bern: 0.11, graz: 0.05, oslo: -0.03, turin: 0.08, wien: -0.1 } as const
const dp = { unit: 'site', noise: 'shared', noiseMultiplier: 2, delta: 1e-5, budget: { epsilon: 50 } }
const gaussian = (noiseMultiplier: number, steps: number): number =>
  gaussianEpsilon([{ noiseMultiplier, steps, samplingRate: 1, sampling: 'none' }], 1e-5)
const shared = (steps: number): number =>
  epsilonOf(
    [{ noiseMultiplier: 2, steps, samplingRate: 1, sampling: 'none', apart: SHARED_NOISE_APART }],
    1e-5,
  ).epsilon

const runFile = (privacy: object = {}, more: object = {}) => ({
  aggregate: { trust: 'private' },
  privacy: { clip: 1.5, dp, secureAggregation: { minSurvivors: 4, colluding: '20%' }, ...privacy },
  ...{ rounds: { count: 1, minimum: 5 }, evaluate: { holdout: 0 }, ...more },
})
const read = async (agent: ScriptedAgent, sha256 = ''): Promise<TensorMap> =>
  new Map(
    [...decodeSafetensors(await agent.read(sha256))].map(([name, tensor]) => [name, floatTensor(tensor)]),
  )
const asked = (agent: ScriptedAgent): TrainAssignment =>
  agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')!

/** What a run of one round moved each value by. */
async function movedBy(fleet: Fleet, agent: ScriptedAgent, runId: string): Promise<readonly number[]> {
  const weights = asked(agent).adapter.files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256
  const release = (await fleet.run(runId)).adapterSha256 ?? undefined
  const [start, end] = await Promise.all([read(agent, weights), read(agent, release)])
  return [...end].flatMap(([name, { data }]) =>
    [...data].map((value, at) => value - start.get(name)!.data[at]!),
  )
}

test('the agents of a sum add the noise among them, and what comes out has all of it though one drops out', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 150 })
  const agents = await Promise.all(
    Object.entries(changes).map(([name, change]) =>
      startSummingAgent(fleet, name, name === 'bern' ? { change, stopsBefore: 'input' } : { change }),
    ),
  )
  const runId = await fleet.startRun(runFile())
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])

  const { noise, minSurvivors } = asked(agents[1]!).secure!
  expect([minSurvivors, noise?.honest]).toEqual([4, 3]) // one of five may collude
  expect(noise!.deviation).toBeCloseTo((2 * 1.5) / Math.sqrt(3), 4)
  const sum = Object.entries(changes).reduce(
    (total, [name, change]) => total + (name === 'bern' ? 0 : change),
    0,
  )
  const moved = (await movedBy(fleet, agents[1]!, runId)).map((value) => value - sum / 5)
  const deviation = Math.hypot(...moved) / Math.sqrt(VALUES)
  const expected = (2 * 1.5 * Math.sqrt(4 / 3)) / 5 // of four survivors, where three are counted on
  expect(Math.abs(deviation / expected - 1)).toBeLessThan(6 / Math.sqrt(2 * VALUES))

  const { manifest } = (await fleet.api('GET', `/api/v1/releases/${run.release}`)).body as {
    manifest: ReleaseManifest
  }
  expect(manifest.privacy).toMatchObject({ noise: 'shared', seen: 4, colluding: 1, epsilon: shared(1) })
  expect(shared(1)).toBeGreaterThanOrEqual(gaussian(2, 1))
  expect(shared(1)).toBeLessThan(gaussian(2, 1) + 1e-9)
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  expect(view.aggregation?.notes.at(-1)).toContain('noise of standard deviation 1.73')

  const replay = (await fleet.api('POST', `/api/v1/runs/${runId}/rounds/1/replay`)).body as ReplayView
  expect(replay.isSame).toBe(true)
  expect(replay.recomputedSha256).toBe(replay.recordedSha256) // the noise is in the sum that was kept
})

test('a step along the sum of gradients of examples has the noise of all agents, and costs what a sampled step costs', async () => {
  await using fleet = await startFleet()
  const given = { graz: 0.4, oslo: -0.1, turin: 0.2 }
  const agents = await Promise.all(
    Object.entries(given).map(([name, change]) => startSummingAgent(fleet, name, { change })),
  )
  const [noiseMultiplier, samplingRate, learningRate, batch] = [1.5, 0.2, 0.7, 6]
  const example = { unit: 'example', noise: 'shared', noiseMultiplier, clip: 0.25, samplingRate, delta: 1e-5 }
  const runId = await fleet.startRun({
    ...{ aggregate: { trust: 'private' }, rounds: { count: 2, minimum: 3 }, evaluate: { holdout: 0 } },
    local: { steps: 1, batch, learningRate, optimizer: 'sgd', schedule: 'linear' },
    privacy: { clip: 8, dp: { ...example, budget: { epsilon: 2 } }, secureAggregation: true },
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
  const { secure, dp: askedFor, maxUpdateNorm } = asked(agents[0]!)
  expect(maxUpdateNorm).toBe(8)
  expect(askedFor).toEqual({ ...example, epsilon: 2 })
  expect(secure!.noise!.deviation).toBeCloseTo((1.5 * 0.25 * (1 + 2 ** -12)) / Math.sqrt(3), 6)

  const rates = learningRate * (1 + 1 / 2) // of both rounds
  const moved = await movedBy(fleet, agents[0]!, runId)
  const mean = (-rates * (0.4 - 0.1 + 0.2)) / (batch * 3)
  const expected = (learningRate * Math.hypot(1, 1 / 2) * 1.5 * 0.25) / (batch * 3)
  const found = moved.reduce((sum, value) => sum + value, 0) / VALUES
  expect(Math.abs(found - mean)).toBeLessThan((6 * expected) / Math.sqrt(VALUES))
  const deviation = Math.hypot(...moved.map((value) => value - mean)) / Math.sqrt(VALUES)
  expect(Math.abs(deviation / expected - 1)).toBeLessThan(6 / Math.sqrt(2 * VALUES))

  const step = { noiseMultiplier, samplingRate, sampling: 'poisson', apart: SHARED_NOISE_APART } as const
  const { epsilon } = epsilonOf([{ ...step, steps: 2 }], 1e-5)
  const { manifest } = (await fleet.api('GET', `/api/v1/releases/${run.release}`)).body as {
    manifest: ReleaseManifest
  }
  expect(manifest.privacy).toMatchObject({ unit: 'example', noise: 'shared', seen: 3, rounds: 2, epsilon })
  const { sites } = (await fleet.api('GET', '/api/v1/privacy')).body as PrivacyLedgerView
  expect(sites.map(({ exampleEpsilon, epsilon: ofSite }) => [exampleEpsilon, ofSite])).toEqual(
    Array(3).fill([epsilon, null]),
  )
})

test('a round that would bring examples above the budget of a run is not asked for', async () => {
  await using fleet = await startFleet()
  await Promise.all(['graz', 'oslo', 'turin'].map((name) => startSummingAgent(fleet, name, { change: 0.1 })))
  const phase = { noiseMultiplier: 1.5, samplingRate: 0.2, sampling: 'poisson', steps: 1 } as const
  const { epsilon } = epsilonOf([phase], 1e-5)
  const example = { unit: 'example', noise: 'shared', noiseMultiplier: 1.5, clip: 0.25, samplingRate: 0.2 }
  const runId = await fleet.startRun({
    ...{ aggregate: { trust: 'private' }, rounds: { count: 2, minimum: 3 }, evaluate: { holdout: 0 } },
    local: { steps: 1, batch: 6, learningRate: 0.7, optimizer: 'sgd' },
    privacy: { clip: 8, dp: { ...example, delta: 1e-5, budget: { epsilon: epsilon * 1.01 } } },
  })
  await fleet.event(runId, 'run-ended')
  const { state, reason, rounds } = await fleet.run(runId)
  expect([state, rounds.length]).toEqual(['failed', 1])
  expect(reason).toContain('LRC-3016')
})

test('whoever is in a sum pays before the masks come off, also when the sum is never finished', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 100 })
  await Promise.all(
    Object.entries(changes).map(([name, change], at) =>
      startSummingAgent(fleet, name, {
        change: change / 2,
        ...(at < 3 ? ({ stopsBefore: 'reveal', how: 'declines', stops: 1 } as const) : {}),
      }),
    ),
  )
  const runId = await fleet.startRun(runFile())
  const failed = await fleet.event(runId, 'round-failed')
  expect(failed.reason).toMatch(/^LRC-4018: the secure sum was not finished: too-few/)
  const charged = await fleet.event(runId, 'privacy-charged')
  expect(Number(charged.seq)).toBeLessThan(Number(failed.seq))
  const { sites } = (await fleet.api('GET', '/api/v1/privacy')).body as PrivacyLedgerView
  expect(sites.map(({ site, epsilon }) => [site, epsilon])).toEqual(
    Object.keys(changes).map((site) => [site, shared(1)]),
  )
  expect(sites[0]?.charges[0]).toMatchObject({ noiseMultiplier: 2, steps: 1, apart: SHARED_NOISE_APART })
})

test('the noise that an epsilon needs is found with what is not Gaussian counted', async () => {
  await using fleet = await startFleet()
  await Promise.all(['graz', 'oslo', 'turin'].map((name) => startSummingAgent(fleet, name, { change: 0.01 })))
  const wanted = { unit: 'site', noise: 'shared', epsilon: 3, delta: 1e-6 }
  const rounds = { count: 2, minimum: 3 }
  const runId = await fleet.startRun(runFile({ dp: wanted, secureAggregation: true }, { rounds }))
  await fleet.event(runId, 'run-ended')
  const { release } = await fleet.run(runId)
  const { manifest } = (await fleet.api('GET', `/api/v1/releases/${release}`)).body as {
    manifest: ReleaseManifest
  }
  expect(manifest.privacy?.epsilon).toBeLessThanOrEqual(3)
  expect(manifest.privacy?.epsilon).toBeGreaterThan(2.999)
})

test('a run whose values have too few bits for their noise is refused when it is read', async () => {
  await using fleet = await startFleet()
  await expect(
    fleet.startRun(
      runFile({ secureAggregation: { bits: 8 } }, { rounds: { count: 1, minimum: 3, goal: 50 } }),
    ),
  ).rejects.toThrow('bits expected')
})
