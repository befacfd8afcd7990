import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, readAdapter, type TensorMap } from '@lorica/peft-core'
import {
  type AgentView,
  parseRoot,
  type ReleaseView,
  type RoundSummary,
  type RoundView,
  type RunView,
  type TrustView,
  verifyRelease,
} from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

const texts = [siteText(0), siteText(1), siteText(2)]
const guards =
  '[{ metric: loss, worseBy: 50%, confidence: 95% }, { metric: accuracy, worseBy: 90%, of: each }, { metric: calibration, worseBy: 0%, mode: dry-run }, { metric: memory, worseBy: 100% }, { metric: latency, worseBy: 50%, confidence: 90%, mode: dry-run }, { metric: repetition, worseBy: 90% }, { metric: words, worseBy: 100% }, { metric: out-of-distribution, worseBy: 50% }, { metric: contamination, worseBy: 50%, mode: dry-run }, { metric: leakage, worseBy: 50% }]'
const inTraining =
  'In the year 1807 the ship of captain 1 lay 3 days at the island, and the whale was not seen.'
const elsewhere =
  'Quite another text of as many words has nothing to do with any of those that they were given.'
const evaluate = `prompts: { texts: [In the year, The ship of], tokens: 8 }, words: [whale], reference: ["${inTraining}", "${elsewhere}"]`

describe('three agents and two rounds', () => {
  let folder: Folder
  let fleet: Fleet
  let view: RunView
  let releases: readonly ReleaseView[]
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts })
    for (const index of texts.keys())
      await writeFile(join(fleet.folders.agent(index), 'policy.yaml'), 'textOverlap: true\n')
    view = await fleet.run({ guards, evaluate })
    releases = (await fleet.operate<{ releases: readonly ReleaseView[] }>('releases', 'list')).releases
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test('each round makes a release that is signed by the coordinator', () => {
    expect(view.state).toBe('succeeded')
    expect(view.release).toBe('v2')
    expect(releases.map(({ name }) => name)).toEqual(['v1', 'v2'])
    for (const [index, { signed, manifest }] of releases.entries()) {
      const verified = verifyRelease(signed, manifest.coordinatorPublicKey)
      expect(verified.round).toBe(index + 1)
      expect(verified.parent).toBe(index === 0 ? null : 'v1')
      expect(verified.contributions).toHaveLength(3)
      const forged = {
        ...signed,
        manifest: signed.manifest.replace('"parent":"v1"', '"parent":null').replace('"round":1', '"round":2'),
      }
      expect(() => verifyRelease(forged, manifest.coordinatorPublicKey)).toThrow('signature')
    }
  })

  test('guards compare the candidate with the adapter before on the examples that agents hold out', () => {
    for (const { guards = [], parentLoss, loss } of view.rounds) {
      expect(guards.map(({ metric, of, verdict }) => [metric, of, verdict === 'pass'])).toEqual([
        ['loss', 'all', true],
        ['accuracy', 'each', true],
        ['calibration', 'all', expect.any(Boolean)],
        ['memory', 'all', true],
        ['latency', 'all', expect.any(Boolean)],
        ['repetition', 'all', true],
        ['words', 'all', true],
        ['out-of-distribution', 'all', true],
        ['contamination', 'all', expect.any(Boolean)],
        ['leakage', 'all', true],
      ])
      const [byLoss, byAccuracy] = guards
      expect(byLoss?.before).toBeCloseTo(parentLoss as number, 4)
      expect(byLoss?.value).toBeCloseTo(loss as number, 6)
      const { low = Number.NaN, high = Number.NaN } = byLoss?.interval ?? {}
      expect(low).toBeLessThan((loss as number) - (parentLoss as number) + 0.2)
      expect(high).toBeLessThan(0) // training helps, surely
      expect(byAccuracy?.value).toBeGreaterThan(0.05)
      expect(byLoss?.examples).toBeGreaterThan(6)
      const found = new Map(guards.map((guard) => [guard.metric, guard]))
      expect(found.get('memory')?.value).toBeGreaterThan(30e6) // bytes of a process that holds a runtime
      expect(found.get('latency')?.examples).toBe(3 * 16)
      expect(found.get('contamination')).toMatchObject({ value: 0.5, examples: 2 }) // at one of the three
      expect(found.get('out-of-distribution')?.before).toBeGreaterThan(4)
    }
  })

  test('what guards found stands in the signed release, its card and the list of rounds', async () => {
    const { manifest } = releases[1] as ReleaseView
    const told = manifest.evaluation.guards?.find(({ metric }) => metric === 'contamination')
    expect(told?.text).toMatch(/^contamination: training data has a part of 50.0% of 2 public texts: within/)
    const { text } = await fleet.operate<{ text: string }>('releases', 'card', 'v2')
    expect(text).toContain(`(dry run): ${told?.text}`)
    const shown = await fleet.operate<RoundView>('rounds', 'show', view.run, '2')
    expect(shown.guards).toHaveLength(10)
  })

  test('the aggregate is the adapter before plus the mean of the updates by tokens', async () => {
    const [round] = view.rounds
    const before = await blobTensors(await startingAdapter())
    const after = await blobTensors(weightsOf(releases[0] as ReleaseView))
    const updates = await Promise.all(
      (round?.contributions ?? []).map(async ({ updateSha256, tokens }) => {
        const path = join(fleet.folders.coordinator, 'updates', view.run, '1', `${updateSha256}.safetensors`)
        const bytes = await readFile(path)
        expect(sha256(bytes)).toBe(updateSha256)
        return { tokens, tensors: tensorsOf(bytes) }
      }),
    )
    expect(updates).toHaveLength(3)
    const total = updates.reduce((sum, { tokens }) => sum + tokens, 0)
    let changed = 0
    for (const [name, { data }] of before) {
      for (const [at, value] of data.entries()) {
        const mean = updates.reduce(
          (sum, { tokens, tensors }) => sum + (tokens / total) * (tensors.get(name)?.data[at] as number),
          0,
        )
        const found = after.get(name)?.data[at] as number
        expect(Math.abs(found - (value + mean)), name).toBeLessThan(1e-6)
        if (Math.abs(mean) > 1e-3) changed++
      }
    }
    expect(changed).toBeGreaterThan(100)
  })

  test('the exported folder is the adapter that the run printed', async () => {
    const out = folder.at('exported')
    await fleet.operate('releases', 'export', 'v2', '--out', out)
    expect((await readdir(out)).toSorted()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'release.json',
    ])
    expect(sha256(await readFile(join(out, 'adapter_model.safetensors')))).toBe(view.adapterSha256)
    const adapter = await readAdapter(out)
    expect(adapter.config).toMatchObject({ rank: 4, alpha: 8 })
    expect(adapter.tensors.size).toBe(2 * 7 * 2) // factors, linear layers of one block, blocks
    const form = ['--form', 'onnx', '--model', fleet.model, '--tokens', '7', '--out', folder.at('graph')]
    const { inputs } = await fleet.operate<{ inputs: readonly { shape: readonly number[] }[] }>(
      ...['releases', 'export', 'v2', ...form],
    )
    expect(inputs.map(({ shape }) => shape)).toEqual([
      [1, 7],
      [1, 7],
    ])
    expect(await readdir(folder.at('graph'))).toEqual(
      expect.arrayContaining(['README.md', 'model.onnx', 'release.json']),
    )
  })

  test('releases are whole, have aliases, and tell how far they are from each other', async () => {
    const alias = await fleet.operate('releases', 'alias', 'set', 'champion', 'v1')
    expect(alias).toEqual({ alias: 'champion', release: 'v1', before: null })
    const whole = await fleet.operate<{ release: string; files: number }>('releases', 'verify', 'champion')
    expect(whole).toMatchObject({ release: 'v1', files: 2 })
    const found = await fleet.operate<{
      facts: readonly { what: string }[]
      norm: number
      difference: number
      modules: readonly { difference: number }[]
    }>('releases', 'diff', 'champion', 'v2')
    expect(found.facts.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['round', 'parent', 'held-out loss']),
    )
    expect(found.modules.length).toBe(2 * 7)
    const squares = found.modules.reduce((sum, { difference }) => sum + difference ** 2, 0)
    expect(found.difference).toBeCloseTo(Math.sqrt(squares), 9)
    expect(found.difference / found.norm).toBeGreaterThan(0.01)
  })

  test('the held-out loss falls from round to round', () => {
    const losses = [view.baseline?.loss, ...view.rounds.map(({ loss }) => loss), view.final?.loss] as number[]
    expect(losses[0]).toBeGreaterThan(5) // a random model: about ln 1024
    expect(losses[1]).toBeLessThan((losses[0] as number) - 0.1)
    expect(losses[2]).toBeLessThan(losses[1] as number)
    expect(losses[3]).toBeLessThan((losses[0] as number) - 0.2)
  })

  test('a round says who sent what, and how much', () => {
    for (const { contributions, bytesUp, bytesDown, refused } of view.rounds) {
      expect(contributions.map(({ name }) => name).toSorted()).toEqual(['site-0', 'site-1', 'site-2'])
      const tokens = contributions.reduce((sum, one) => sum + one.tokens, 0)
      for (const one of contributions) expect(one.weight).toBeCloseTo(one.tokens / tokens, 12)
      expect(bytesUp).toBeGreaterThan(3 * 4 * 1000)
      expect(bytesDown).toBeGreaterThan(0)
      expect(refused).toEqual([])
    }
  })

  test('the operator lists the run and the agents', async () => {
    const { runs } = await fleet.operate<{ runs: readonly RunView[] }>('run', 'list')
    expect(runs.map(({ run, state }) => [run, state])).toEqual([[view.run, 'succeeded']])
    const { agents } = await fleet.operate<{ agents: readonly AgentView[] }>('agents', 'list')
    expect(agents.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
      'site-0 connected',
      'site-1 connected',
      'site-2 connected',
    ])
  })

  test('a round says what became of each agent, to people and to scripts', async () => {
    const { rounds } = await fleet.operate<{ rounds: readonly RoundSummary[] }>('rounds', 'list', 'toy')
    expect(rounds.map(({ round, state, release, accepted }) => [round, state, release, accepted])).toEqual([
      [1, 'committed', 'v1', 3],
      [2, 'committed', 'v2', 3],
    ])
    const shown = await fleet.operate<RoundView>('rounds', 'show', view.run, '2', '--why')
    const [{ agents = [] } = {}] = shown.attempts
    expect(agents.map(({ name, fate }) => [name, fate])).toEqual(
      ['site-0', 'site-1', 'site-2'].map((name) => [name, 'accepted']),
    )
    const records = new Map(view.rounds[1]?.contributions.map((one) => [one.name, one]))
    for (const { name, trainSeconds, lossLast, bytesUp } of agents) {
      expect([trainSeconds, lossLast]).toEqual([
        (records.get(name)?.trainMs ?? 0) / 1000,
        records.get(name)?.lossLast,
      ])
      expect(bytesUp).toBeGreaterThan(4 * 1000)
    }
    const { url, adminToken } = fleet
    const { stdout, status } = await tryLorica([
      ...['rounds', 'show', view.run, '2', '--why', '--url', url, '--token', adminToken],
    ])
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/round 2 of toy-1: committed as v2, loss \d\.\d{4}\n/),
    ])
    expect(stdout).toMatch(/\nsite-1 +accepted +[\d.]+ m?s +\d\.\d{3} > \d\.\d{3} +[\d.]+ kB/)
  })

  test('a card says of a release what its manifest says', async () => {
    const { text, data } = await fleet.operate<{ text: string; data: object }>('releases', 'card', 'v2')
    expect(data).toMatchObject({ library_name: 'peft', pipeline_tag: 'text-generation' })
    for (const line of [
      'trained across 3 sites',
      '| Rounds | 2 of 2 |',
      `| **This release** | ${view.rounds[1]?.loss?.toFixed(4)} |`,
      `| Base model | ${view.baseline?.loss?.toFixed(4)} |`,
      `| Continues | v1 (${releases[0]?.id.slice(0, 16)}…) |`,
    ])
      expect(text).toContain(line)
    expect(await readFile(folder.at('exported', 'README.md'), 'utf8')).toBe(text)
  })

  test('the root key is taken away, a root that revokes the release key is signed elsewhere, and every agent follows', async () => {
    const { url, adminToken } = fleet
    const dir = fleet.folders.coordinator
    const trust = <T>(...args: readonly string[]) => runLorica<T>(['trust', ...args])
    const operator = ['--url', url, '--token', adminToken]
    const { root } = await trust<TrustView>('show', '--out', folder.at('root-1.json'), ...operator)
    const { files } = await trust<{ files: [string] }>('offline', '--dir', dir, '--out', folder.at('stick'))
    const next = folder.at('root-2.json')
    const rotated = await trust<{ isPublished: boolean }>('rotate', '--yes', '--out', next, ...operator)
    expect(rotated.isPublished).toBe(false)
    const made = parseRoot(JSON.parse(await readFile(next, 'utf8')).root).releaseKeys[0] as string
    const draft = folder.at('draft.json')
    const change = ['--add-release', made, '--revoke', root.releaseKeys[0] as string]
    await trust('draft', folder.at('root-1.json'), '--out', draft, ...change)
    const refused = await tryLorica(['trust', 'publish', draft, ...operator])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('LRC-6104')])
    await trust('sign', draft, '--key', files[0])
    const view = await trust<TrustView>('publish', draft, ...operator)
    expect([view.root.version, view.rootKeysHere]).toEqual([2, []])
    for (const index of texts.keys())
      await expect
        .poll(
          async () =>
            JSON.parse(await readFile(join(fleet.folders.agent(index), 'trust.json'), 'utf8')).roots.length,
        )
        .toBe(2)
    const pinned = ['--root', folder.at('root-1.json')]
    const verified = await fleet.operate<{ key: string }>('releases', 'verify', 'v2', ...pinned)
    expect(verified).toMatchObject({ key: made, root: 2 })
  })

  test('agents are labelled, drained and taken back by a pattern', async () => {
    const agentsAfter = async (...args: readonly string[]) =>
      (await fleet.operate<{ agents: readonly AgentView[] }>('agents', ...args)).agents
    const labelled = await agentsAfter('label', 'site-*', 'tier=2', 'room=')
    expect(labelled.map(({ labels }) => labels)).toEqual([{ tier: '2' }, { tier: '2' }, { tier: '2' }])
    expect(
      (await agentsAfter('drain', 'site-1')).map(({ isCordoned, doing }) => [isCordoned, doing]),
    ).toEqual([[true, null]])
    expect((await agentsAfter('uncordon', '*')).map(({ isCordoned }) => isCordoned)).toEqual([
      false,
      false,
      false,
    ])
  })

  test('another fleet with the same seed and texts makes the same adapter, and another seed another', async () => {
    await using elsewhere = await createFolder()
    await using other = await startFleet({ folder: elsewhere.path, texts })
    expect((await other.run()).adapterSha256).toBe(view.adapterSha256)
    expect((await other.run({ seed: 12 })).adapterSha256).not.toBe(view.adapterSha256)
  })

  const blobTensors = async (hash: string): Promise<TensorMap> =>
    tensorsOf(await readFile(join(fleet.folders.coordinator, 'blobs', hash.slice(0, 2), hash)))

  async function startingAdapter(): Promise<string> {
    const tail = ['audit', 'tail', '--dir', fleet.folders.coordinator, '--lines', '1000']
    const { entries } = await runLorica<{ entries: readonly { readonly event: Entry }[] }>(tail)
    const created = entries.find(({ event }) => event.type === 'run-created')
    return created?.event.files?.find(({ path }) => path.endsWith('.safetensors'))?.sha256 ?? ''
  }
})

interface Entry {
  readonly type: string
  readonly files?: readonly { readonly path: string; readonly sha256: string }[]
}

function weightsOf({ manifest }: ReleaseView): string {
  return manifest.files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256 ?? ''
}

function tensorsOf(bytes: Uint8Array): TensorMap {
  return new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
