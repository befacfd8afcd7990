import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { epsilonOf as boundOf, gaussianEpsilon, SHARED_NOISE_APART } from '@lorica/privacy'
import type { PrivacyLedgerView, ReleaseView, RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { outputOf, runLorica } from './support/lorica.js'

const texts = [siteText(0), siteText(1), siteText(2)]
const lorica = fileURLToPath(new URL('../apps/cli/bin/lorica.js', import.meta.url))
const epsilonOf = (noiseMultiplier: number, steps: number) =>
  gaussianEpsilon([{ noiseMultiplier, steps, samplingRate: 1, sampling: 'none' }], 1e-5)
const dp = (more: string) => `{ clip: 0.5, dp: { unit: site, delta: 1e-5, ${more} } }`

describe('three agents in runs that protect their sites', () => {
  let folder: Folder
  let fleet: Fleet
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts })
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const releaseOf = ({ release }: RunView) => fleet.operate<ReleaseView>('releases', 'show', release ?? '')
  const ledger = () => fleet.operate<PrivacyLedgerView>('privacy', 'ledger')

  test('a release says in one sentence what was seen and what is promised', async () => {
    const view = await fleet.run({
      ...{ rounds: 1, steps: 2 },
      aggregate: '{ strategy: ffa, trust: private }',
      privacy: dp('noiseMultiplier: 2, budget: { epsilon: 50 }'),
    })
    expect([view.state, view.reason]).toEqual(['succeeded', 'all rounds are committed'])
    const { manifest } = await releaseOf(view)
    expect(manifest.privacy).toMatchObject({
      unit: 'site',
      epsilon: epsilonOf(2, 1),
      seen: 3,
      noise: 'server',
    })
    const shown = await outputOf(process.execPath, [
      ...[lorica, 'releases', 'show', view.release ?? '', '--url', fleet.url, '--token', fleet.adminToken],
    ])
    expect(shown).toContain(
      "the coordinator only ever saw the sum of at least 3 sites' updates, and this adapter is (1.9931, 0.00001)-private for each site",
    )
  })

  test('agents add noise to their own updates, and tell no losses', async () => {
    const view = await fleet.run({
      ...{ rounds: 1, steps: 2 },
      holdout: '0%',
      privacy: dp('noise: agent, noiseMultiplier: 4, budget: { epsilon: 50 }'),
    })
    expect([view.state, view.reason]).toEqual(['succeeded', 'all rounds are committed'])
    const values = 4 * view.rounds[0]!.bytesUp // far from exact: the noise is what makes an update long
    for (const { norm, lossFirst, lossLast } of view.rounds[0]!.contributions) {
      expect(norm).toBeGreaterThan(20)
      expect(norm).toBeLessThan(values)
      expect([lossFirst, lossLast]).toEqual([null, null])
    }
    expect((await releaseOf(view)).manifest.privacy).toMatchObject({
      noise: 'agent',
      epsilon: epsilonOf(4, 1),
    })
  })

  test('the ledger adds all runs up, also after the coordinator is killed, and a budget ends a run', async () => {
    const mu = Math.sqrt(1 / 4 + 1 / 16) // of the two runs before
    const before = await ledger()
    expect(before.sites.map(({ site }) => site)).toEqual(['site-0', 'site-1', 'site-2'])
    for (const { epsilon } of before.sites) expect(epsilon).toBeCloseTo(epsilonOf(1 / mu, 1), 9)
    await fleet.restartCoordinator()
    expect(await ledger()).toEqual(before)
    const budget = epsilonOf(1 / Math.sqrt(mu * mu + 1 / 4), 1) * 1.001
    const file = { rounds: 3, steps: 2, privacy: dp(`noiseMultiplier: 2, budget: { epsilon: ${budget} }`) }
    const run = await fleet.start(file)
    for (;;) {
      const view = await fleet.operate<RunView>('run', 'show', run)
      if (view.endedAt !== null) {
        expect([view.state, view.rounds.length]).toEqual(['failed', 1])
        expect(view.reason).toContain('LRC-3016: round 2 is not asked for: it would bring site-0')
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })

  test('agents share the noise out in a sum, one of them with a key that it rotated, and the release says what that needs', async () => {
    const rotated = await runLorica<{ readonly isApproved: boolean }>([
      ...['agent', 'rotate', '--dir', fleet.folders.agent(1)],
    ])
    expect(rotated.isApproved).toBe(true)
    await fleet.restartAgent(1)
    const view = await fleet.run({
      ...{ rounds: 1, steps: 2, holdout: '0%' },
      aggregate: '{ strategy: ffa, trust: private }',
      privacy: dp('noise: shared, noiseMultiplier: 2, budget: { epsilon: 50 }'),
    })
    expect([view.state, view.reason]).toEqual(['succeeded', 'all rounds are committed'])
    expect(view.rounds[0]!.contributions.map(({ name }) => name).sort()).toEqual([
      'site-0',
      'site-1',
      'site-2',
    ])
    const { manifest } = await releaseOf(view)
    expect(manifest.privacy).toMatchObject({ noise: 'shared', seen: 3, colluding: 0 })
    expect(manifest.privacy!.epsilon).toBeCloseTo(epsilonOf(2, 1), 9)
    const shown = await outputOf(process.execPath, [
      ...[lorica, 'releases', 'show', view.release ?? '', '--url', fleet.url, '--token', fleet.adminToken],
    ])
    expect(shown).toContain('the sites added the noise themselves: it holds against the coordinator too')
    const { upload } = await runLorica<{ upload: { masked: { noise: { deviation: number } } } }>([
      ...['agent', 'last-upload', '--dir', fleet.folders.agent(1)],
    ])
    expect(upload.masked.noise.deviation).toBeCloseTo((2 * 0.5) / Math.sqrt(3), 5)
  })

  test('agents give sums of clipped gradients with noise that they share out, and the release is private for each example', async () => {
    const [noiseMultiplier, clip, samplingRate, rounds] = [3, 0.5, 0.25, 2]
    const view = await fleet.run({
      ...{ rounds, steps: 1, holdout: '0%', optimizer: 'sgd', optimizerState: 'reset' },
      aggregate: '{ strategy: ffa, trust: private }',
      privacy: `{ clip: 20, dp: { unit: example, noise: shared, noiseMultiplier: ${noiseMultiplier}, clip: ${clip}, samplingRate: ${samplingRate}, delta: 1e-5, budget: { epsilon: 50 } } }`,
    })
    expect([view.state, view.reason]).toEqual(['succeeded', 'all rounds are committed'])
    const step = { noiseMultiplier, samplingRate, sampling: 'poisson', apart: SHARED_NOISE_APART } as const
    const { epsilon } = boundOf([{ ...step, steps: rounds }], 1e-5)
    const { manifest } = await releaseOf(view)
    expect(manifest.privacy).toMatchObject({
      unit: 'example',
      adjacency: 'add-remove',
      noise: 'shared',
      rounds,
    })
    expect(manifest.privacy!.epsilon).toBeCloseTo(epsilon, 9)
    const { files } = JSON.parse(await readFile(join(fleet.folders.agent(1), 'privacy.json'), 'utf8'))
    const charges = Object.values<readonly { readonly unit: string }[]>(files).flat() // of the runs before, too
    expect(charges.filter(({ unit }) => unit === 'example')).toEqual([
      { unit: 'example', ...step, steps: rounds },
    ])
    const { upload } = await runLorica<{ upload: { masked: { noise: { deviation: number } } } }>([
      ...['agent', 'last-upload', '--dir', fleet.folders.agent(1)],
    ])
    expect(upload.masked.noise.deviation).toBeCloseTo((noiseMultiplier * clip) / Math.sqrt(3), 3)
  })
})
