import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { epsilonOf } from '@lorica/privacy'
import type { ReleaseAudit, RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'

const DELTA = 1e-3
const NOISE = 3
const STEPS = 3
const BATCH = 4 // of the run files of tests
const dp = (epsilon: number): string =>
  `{ dp: { unit: example, noiseMultiplier: ${NOISE}, clip: 0.5, delta: ${DELTA}, budget: { epsilon: ${epsilon} } } }`

interface Accounts {
  readonly files: Readonly<
    Record<string, readonly { readonly samplingRate: number; readonly steps: number }[]>
  >
}

describe('privacy.dp of unit example', () => {
  let folder: Folder
  let fleet: Fleet
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts: [siteText(0), siteText(1)] })
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const accountsOf = async (agent: number): Promise<Accounts> =>
    JSON.parse(await readFile(join(fleet.folders.agent(agent), 'privacy.json'), 'utf8')) as Accounts
  const spentOf = (rate: number, steps: number): number =>
    epsilonOf([{ noiseMultiplier: NOISE, samplingRate: rate, sampling: 'poisson', steps }], DELTA).epsilon

  const ended = async (privacy: string): Promise<RunView> =>
    await fleet.operate<RunView>('run', 'watch', await fleet.start({ rounds: 1, steps: STEPS, privacy }))

  test('a run trains with noise, tells no loss, and agents, ledger and release say the same epsilon', async () => {
    const view = await fleet.run({ rounds: 2, steps: STEPS, privacy: dp(8), aggregate: '{ strategy: ffa }' })
    expect(view.state).toBe('succeeded')
    expect(view.baseline).toBeNull()
    expect(view.final).toBeNull()
    const rates: number[] = []
    for (const round of view.rounds) {
      expect(round.loss).toBeNull()
      for (const { lossFirst, lossLast, samplingRate = 0 } of round.contributions) {
        expect([lossFirst, lossLast]).toEqual([null, null])
        rates.push(samplingRate)
      }
    }
    expect(new Set(rates).size).toBe(2) // a site has 24 paragraphs, the other 33; some are held out
    for (const rate of rates) expect(Number.isInteger(Math.round((BATCH / rate) * 1e9) / 1e9)).toBe(true)

    const accounts = [await accountsOf(0), await accountsOf(1)].flatMap(({ files }) =>
      Object.values(files).flat(),
    )
    expect(accounts.map(({ steps }) => steps)).toEqual([2 * STEPS, 2 * STEPS])
    expect(new Set(accounts.map(({ samplingRate }) => samplingRate))).toEqual(new Set(rates))

    const worst = spentOf(Math.max(...rates), 2 * STEPS)
    const { sites } = await fleet.operate<{ sites: readonly { exampleEpsilon: number; epsilon: null }[] }>(
      'privacy',
      'ledger',
      '--delta',
      String(DELTA),
    )
    expect(Math.max(...sites.map(({ exampleEpsilon }) => exampleEpsilon))).toBeCloseTo(worst, 9)
    expect(sites.map(({ epsilon }) => epsilon)).toEqual([null, null]) // of a site as a whole nothing is promised
    const shown = JSON.stringify(await fleet.operate('releases', 'show', view.release ?? ''))
    expect(shown).toContain(`"unit":"example","adjacency":"add-remove","epsilon":${worst}`)
    expect(fleet.printed()).not.toMatch(/"loss":[0-9]/)
  })

  test('an agent declines what would bring its examples above the budget of a run, by its own count over all runs', async () => {
    const before = await accountsOf(0)
    const [rate = 0] = Object.values(before.files)
      .flat()
      .map(({ samplingRate }) => samplingRate)
    expect((await ended(dp(spentOf(rate, 2 * STEPS) * 1.01))).state).toBe('failed')
    expect(fleet.printed()).toMatch(/LRC-6021.*above the budget/)
    expect(await accountsOf(0)).toEqual(before)
  })

  test('a release that an audit refutes is not exported, and one of which it finds nothing is', async () => {
    const { releases } = await fleet.operate<{ releases: readonly { name: string }[] }>('releases', 'list')
    const [first, second] = releases.map(({ name }) => name) as [string, string]
    const audited = async (release: string, correct: number): Promise<ReleaseAudit> => {
      const finding = { canaries: 400, guesses: 200, correct, delta: DELTA, significance: 0.05 }
      await writeFile(folder.at('finding.json'), JSON.stringify({ ...finding, score: 'loss' }))
      return await fleet.operate('privacy', 'audit', release, '--finding', folder.at('finding.json'))
    }
    const exported = (release: string) =>
      fleet.operate<{ files: readonly string[] }>('releases', 'export', release, '--out', folder.at(release))

    expect(await audited(first, 110)).toMatchObject({ release: first, verdict: 'holds', reason: null })
    expect((await exported(first)).files).toContain('adapter_model.safetensors')
    const found = await audited(second, 200)
    expect(found.verdict).toBe('refuted')
    expect(found.promised).toBeLessThan(found.epsilonLowerBound)
    await expect(exported(second)).rejects.toThrow('LRC-3017')
    expect(existsSync(folder.at(second))).toBe(false)
    expect((await audited(second, 110)).verdict).toBe('holds') // says nothing for it
    await expect(exported(second)).rejects.toThrow(found.reason ?? 'no reason')
  })

  test('the policy of a site has the last word: its epsilon, its noise, and nothing without noise', async () => {
    const policy = (text: string) => writeFile(join(fleet.folders.agent(0), 'policy.yaml'), text)
    const failed = async (privacy: string): Promise<string> => {
      expect((await ended(privacy)).state).toBe('failed')
      return fleet.printed()
    }
    const before = await accountsOf(0)
    await policy(`privacy: { maxEpsilon: 0.05, delta: ${DELTA} }\n`)
    expect(await failed(dp(100))).toContain('above the budget 0.05')
    await policy('privacy: { maxEpsilon: 100, minNoiseMultiplier: 4 }\n')
    expect(await failed(dp(100))).toContain('this site asks for at least 4')
    await policy('privacy: { maxEpsilon: 100 }\n')
    expect(await failed('{}')).toContain('which this site asks for')
    expect(await accountsOf(0)).toEqual(before)
    expect(((await fleet.run({ rounds: 1, steps: STEPS, privacy: dp(100) })) as RunView).state).toBe(
      'succeeded',
    )
  })
})
