import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import { gaussianEpsilon } from '@lorica/privacy'
import type {
  PrivacyLedgerView,
  ReleaseManifest,
  ReplayView,
  RoundView,
  TrainAssignment,
} from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type ScriptedAgent, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'
import { startSummingAgent } from '../summing-agent.fixture.js'

const VALUES = 128 // that agents train: two factors of four modules of rank 2, 8 wide
const deltas = { graz: 0.05, oslo: -0.03, turin: 0.08 } as const
const dp = { unit: 'site', noiseMultiplier: 0.8, delta: 1e-5, budget: { epsilon: 50 } }

const join = (fleet: Fleet, changes: Readonly<Record<string, number>> = deltas): Promise<ScriptedAgent[]> =>
  Promise.all(Object.entries(changes).map(([name, delta]) => startAgent(fleet, name, { delta, tokens: 40 })))

async function protectedRun(
  fleet: Fleet,
  more: { readonly privacy?: object; readonly rounds?: object } = {},
) {
  const runId = await fleet.startRun({
    privacy: { clip: 1.5, dp, ...more.privacy },
    rounds: { count: 2, minimum: 3, ...more.rounds },
    evaluate: { holdout: 0 },
  })
  await fleet.event(runId, 'run-ended')
  return await fleet.run(runId)
}

const ledgerOf = async (fleet: Fleet, query = ''): Promise<PrivacyLedgerView> =>
  (await fleet.api('GET', `/api/v1/privacy${query}`)).body as PrivacyLedgerView
const manifestOf = async (fleet: Fleet, name: string | null): Promise<ReleaseManifest> =>
  ((await fleet.api('GET', `/api/v1/releases/${name}`)).body as { manifest: ReleaseManifest }).manifest
const read = async (agent: ScriptedAgent, sha256 = ''): Promise<TensorMap> =>
  new Map(
    [...decodeSafetensors(await agent.read(sha256))].map(([name, tensor]) => [name, floatTensor(tensor)]),
  )
const epsilonOf = (noiseMultiplier: number, steps: number, delta = 1e-5) =>
  gaussianEpsilon([{ noiseMultiplier, steps, samplingRate: 1, sampling: 'none' }], delta)

/** What a round moved the adapter by, value after value, without what the agents of `deltas` sent. */
async function noiseOf(
  agents: readonly ScriptedAgent[],
  release: string | undefined,
  cohort: number,
): Promise<readonly number[]> {
  const [agent] = agents as [ScriptedAgent]
  const first = agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')
  const weights = first?.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256
  const [start, end] = await Promise.all([read(agent, weights), read(agent, release)])
  const mean = (deltas.graz + deltas.oslo + deltas.turin) / cohort
  return [...end].flatMap(([name, { data }]) =>
    [...data].map((value, at) => value - start.get(name)!.data[at]! - mean),
  )
}

describe('a run that protects its sites', () => {
  test('releases the sum of the updates over a fixed cohort, with noise of the size that it says', async () => {
    await using fleet = await startFleet()
    const agents = await join(fleet)
    const run = await protectedRun(fleet, {
      rounds: { count: 1, goal: 3 },
      privacy: { dp: { ...dp, noiseMultiplier: 2 } },
    })
    expect(run.reason).toBe('all rounds are committed')
    const noise = await noiseOf(agents, run.adapterSha256 ?? undefined, 3)
    expect(noise).toHaveLength(VALUES)
    const deviation = Math.hypot(...noise) / Math.sqrt(VALUES)
    expect(Math.abs(deviation / 1 - 1)).toBeLessThan(6 / Math.sqrt(2 * VALUES)) // 2 * 1.5 / 3
    expect(run.spec.aggregate.weights.by).toBe('uniform')
  })

  test('says in its release what holds, and nothing of a single site', async () => {
    await using fleet = await startFleet()
    await join(fleet)
    const run = await protectedRun(fleet)
    const manifest = await manifestOf(fleet, run.release)
    expect(manifest.contributions).toEqual([])
    expect(manifest.evaluation).toEqual({ loss: null, tokens: 0, perAgent: [] })
    const epsilon = epsilonOf(0.8, 2)
    expect(manifest.privacy).toEqual({
      ...{ unit: 'site', adjacency: 'zero-out', epsilon, delta: 1e-5, accountant: 'gaussian', order: null },
      ...{ noise: 'server', noiseMultiplier: 0.8, rounds: 2, spent: epsilon },
    })
    const view = (await fleet.api('GET', `/api/v1/runs/${run.run}/rounds/1`)).body as RoundView
    expect(view.aggregation).toMatchObject({ agreement: null, agents: [] })
    expect(view.aggregation?.notes.at(-1)).toContain('noise of standard deviation 0.400') // 0.8 * 1.5 / 3 seats
  })

  test('charges every site before a release, and a restart goes on with the same epsilon', async () => {
    await using fleet = await startFleet()
    await join(fleet)
    const run = await protectedRun(fleet)
    const before = await ledgerOf(fleet)
    expect(before.delta).toBe(1e-5)
    expect(before.sites.map(({ site, epsilon }) => ({ site, epsilon }))).toEqual(
      ['graz', 'oslo', 'turin'].map((site) => ({ site, epsilon: epsilonOf(0.8, 2) })),
    )
    expect(before.sites[0]?.charges).toEqual([
      { run: run.run, unit: 'site', noiseMultiplier: 0.8, samplingRate: 1, sampling: 'none', steps: 2 },
    ])
    await fleet.restart()
    expect(await ledgerOf(fleet)).toEqual(before)
    expect((await ledgerOf(fleet, '?delta=1e-7')).sites[0]?.epsilon).toBe(epsilonOf(0.8, 2, 1e-7))
    const [charged, aggregated] = await Promise.all(
      ['privacy-charged', 'round-aggregated'].map((type) => fleet.event(run.run, type)),
    )
    expect(charged).toMatchObject({
      round: 1,
      unit: 'site',
      sites: ['graz', 'oslo', 'turin'],
      epsilon: epsilonOf(0.8, 1),
    })
    expect(Number(charged?.seq)).toBeLessThan(Number(aggregated?.seq))
  })

  test('draws the noise of a round once: after a restart its candidate is the same, and nothing is charged again', async () => {
    await using fleet = await startFleet()
    const agents = await Promise.all(
      Object.entries(deltas).map(([name, delta]) =>
        startAgent(fleet, name, { delta, tokens: 40, answers: ({ round }) => round === 0 }),
      ),
    )
    const runId = await fleet.startRun({
      ...{ privacy: { clip: 1.5, dp }, rounds: { count: 1, minimum: 3 }, evaluate: { holdout: '25%' } },
    })
    await until(() =>
      agents.every(({ assignments }) =>
        assignments.some(({ kind, round }) => kind === 'evaluate' && round === 1),
      ),
    )
    await fleet.restart()
    await Promise.all(agents.map(({ name, identity }) => startAgent(fleet, name, { tokens: 40 }, identity)))
    await fleet.event(runId, 'run-ended')
    const run = await fleet.run(runId)
    const aggregated = await fleet.event(runId, 'round-aggregated')
    expect(run.adapterSha256).toBe(aggregated.adapterSha256)
    expect(run.rounds[0]?.attempt).toBe(1)
    expect((await ledgerOf(fleet)).sites[0]?.charges[0]?.steps).toBe(1)
  })

  test('asks for no round that would exceed the budget of a site, over all runs together', async () => {
    await using fleet = await startFleet()
    await join(fleet)
    const budget = { epsilon: epsilonOf(0.8, 3) * 1.0001 }
    const first = await protectedRun(fleet, { privacy: { dp: { ...dp, budget } } })
    expect(first.state).toBe('succeeded')
    const second = await protectedRun(fleet, { privacy: { dp: { ...dp, budget } } })
    expect(second.rounds).toHaveLength(1)
    expect(second.state).toBe('failed')
    expect(second.reason).toMatch(
      /^LRC-3016: round 2 is not asked for: it would bring graz from epsilon [\d.]+ to [\d.]+, oslo/,
    )
    expect((await ledgerOf(fleet)).sites.every(({ epsilon }) => (epsilon ?? 99) <= budget.epsilon)).toBe(true)
    const manifest = await manifestOf(fleet, second.release)
    expect(manifest.privacy).toMatchObject({
      epsilon: epsilonOf(0.8, 1),
      spent: epsilonOf(0.8, 3),
      rounds: 1,
    })
  })

  test('finds the least noise for an epsilon over its rounds, and spends just that', async () => {
    await using fleet = await startFleet()
    await join(fleet)
    const run = await protectedRun(fleet, { privacy: { dp: { unit: 'site', epsilon: 6, delta: 1e-5 } } })
    expect(run.rounds).toHaveLength(2)
    const { privacy } = await manifestOf(fleet, run.release)
    expect(privacy?.epsilon).toBeLessThanOrEqual(6)
    expect(privacy?.epsilon).toBeGreaterThan(5.999)
  })

  test('refuses an update above the clip, which an honest agent never sends', async () => {
    await using fleet = await startFleet()
    await join(fleet, { ...deltas, liar: 0.2 })
    const run = await protectedRun(fleet, { rounds: { count: 1, minimum: 3 } })
    const [round] = run.rounds
    expect(round?.refused).toMatchObject([{ name: 'liar', code: 'LRC-4012' }])
    expect((await ledgerOf(fleet)).sites.map(({ site }) => site)).toEqual(['graz', 'oslo', 'turin'])
  })

  test('what was measured decides nothing, and a round is the same again but for its noise', async () => {
    await using fleet = await startFleet()
    await Promise.all(
      Object.entries(deltas).map(([name, delta]) =>
        startAgent(fleet, name, { delta, tokens: 40, loss: ({ round }) => (round === 0 ? 1 : 9) }),
      ),
    )
    const runId = await fleet.startRun({
      ...{ privacy: { clip: 1.5, dp }, rounds: { count: 1, minimum: 3 }, evaluate: { holdout: '25%' } },
    })
    await fleet.event(runId, 'run-ended')
    const run = await fleet.run(runId)
    expect(run.rounds[0]).toMatchObject({ verdict: 'released', loss: 9, parentLoss: null })
    const replay = (await fleet.api('POST', `/api/v1/runs/${runId}/rounds/1/replay`)).body as ReplayView
    expect(replay.isSame).toBe(true)
    expect(replay.recomputedSha256).not.toBe(replay.recordedSha256)
    expect(replay.noise?.expectedNorm).toBeCloseTo((0.8 * 1.5 * Math.sqrt(VALUES)) / 3, 5)
    expect(Math.abs((replay.noise?.norm ?? 0) / (replay.noise?.expectedNorm ?? 1) - 1)).toBeLessThan(0.4)
  })

  test('a sum that nobody saw into gets noise too, and the release says both', async () => {
    await using fleet = await startFleet()
    const agents = await Promise.all(
      Object.entries(deltas).map(([name, change]) => startSummingAgent(fleet, name, { change })),
    )
    const runId = await fleet.startRun({
      ...{ aggregate: { trust: 'private' }, privacy: { clip: 1.5, dp: { ...dp, noiseMultiplier: 2 } } },
      ...{ rounds: { count: 1, minimum: 3 }, evaluate: { holdout: 0 } },
    })
    await fleet.event(runId, 'run-ended')
    const run = await fleet.run(runId)
    expect(run.reason).toBe('all rounds are committed')
    const noise = await noiseOf(agents, run.adapterSha256 ?? undefined, 3)
    const deviation = Math.hypot(...noise) / Math.sqrt(VALUES)
    expect(Math.abs(deviation / 1 - 1)).toBeLessThan(6 / Math.sqrt(2 * VALUES)) // 2 * 1.5 / 3
    expect((await manifestOf(fleet, run.release)).privacy).toMatchObject({
      seen: 3,
      epsilon: epsilonOf(2, 1),
    })
    const replay = (await fleet.api('POST', `/api/v1/runs/${runId}/rounds/1/replay`)).body as ReplayView
    expect(replay).toMatchObject({ isSame: true, updates: 3 })
  })

  test('noise of agents is asked of them, paid for before they are asked, and not added to', async () => {
    await using fleet = await startFleet()
    const agents = await join(fleet, { graz: 0.9, oslo: -0.4, turin: 0.6, bern: 9 }) // norms of 10, 4.5, 6.8 and 102
    const local = { ...dp, noise: 'agent', noiseMultiplier: 0.8 }
    const run = await protectedRun(fleet, { privacy: { dp: local }, rounds: { count: 1, minimum: 3 } })
    const [asked] = agents[0]!.assignments as [TrainAssignment]
    expect([asked.noise, asked.maxUpdateNorm]).toEqual([{ multiplier: 0.8 }, 1.5])
    expect(run.rounds[0]?.refused).toMatchObject([{ name: 'bern', code: 'LRC-4012' }]) // 1.5 (1 + 0.8 (sqrt(128) + 10)) = 27
    const moved = await noiseOf(agents, run.adapterSha256 ?? undefined, 4)
    const own = (0.9 - 0.4 + 0.6 - deltas.graz - deltas.oslo - deltas.turin) / 4
    expect(Math.max(...moved.map((value) => Math.abs(value - own)))).toBeLessThan(1e-6)
    const { sites } = await ledgerOf(fleet)
    expect(sites.map(({ site, epsilon }) => [site, epsilon])).toEqual(
      ['bern', 'graz', 'oslo', 'turin'].map((site) => [site, epsilonOf(0.8, 1)]),
    )
    const charged = await fleet.event(run.run, 'privacy-charged')
    const accepted = await fleet.event(run.run, 'update-accepted')
    expect(Number(charged.seq)).toBeLessThan(Number(accepted.seq))
    const replay = (await fleet.api('POST', `/api/v1/runs/${run.run}/rounds/1/replay`)).body as ReplayView
    expect(replay.recomputedSha256).toBe(replay.recordedSha256)
  })

  test('a clip that adapts follows the norms, and its bits are paid for', async () => {
    await using fleet = await startFleet()
    const agents = await Promise.all(
      Object.entries(deltas).map(([name, delta]) =>
        startAgent(fleet, name, {
          async train(agent, assignment) {
            const most = (assignment.maxUpdateNorm ?? 0) / Math.sqrt(VALUES)
            await agent.upload(assignment, Math.sign(delta) * Math.min(Math.abs(delta), most * (1 - 1e-7)))
          },
        }),
      ),
    )
    const adaptiveClip = { quantile: 0.5, learningRate: 1, bitNoise: 1 }
    const run = await protectedRun(fleet, {
      ...{ privacy: { clip: 1.5, dp: { ...dp, adaptiveClip, budget: { epsilon: 500 } } } },
      rounds: { count: 4, minimum: 3 },
    })
    const clips = agents[0]!.assignments.flatMap((one) => (one.kind === 'train' ? [one.maxUpdateNorm] : []))
    expect(clips[0]).toBe(1.5)
    expect(new Set(clips).size).toBe(4)
    expect((await manifestOf(fleet, run.release)).privacy).toMatchObject({
      noiseMultiplier: 0.8,
      epsilon: epsilonOf(0.8, 4),
    })
  })

  test.each([
    [{ privacy: { clip: null, dp } }, 'privacy.clip null'],
    [{ privacy: { clip: 1, dp }, aggregate: { strategy: 'svd' } }, 'aggregate.strategy svd'],
    [{ privacy: { clip: 1, dp }, aggregate: { weights: { by: 'tokens' } } }, 'aggregate.weights.by tokens'],
    [
      { privacy: { clip: 1, dp }, evaluate: { guards: [{ metric: 'loss', worseBy: '1%' }] } },
      'evaluate.guards',
    ],
    [
      { privacy: { clip: 1, dp }, rounds: { count: 1, mode: 'buffered', buffer: { size: 2 } } },
      'rounds.mode buffered',
    ],
  ])('%j is refused', async (changes, named) => {
    await using fleet = await startFleet()
    await expect(fleet.startRun(changes)).rejects.toThrow(
      named.endsWith(' null')
        ? 'privacy.dp of unit site needs privacy.clip'
        : `privacy.dp of unit site and ${named} exclude each other`,
    )
  })
})
