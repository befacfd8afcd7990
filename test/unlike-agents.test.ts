import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, readAdapter, type TensorMap } from '@lorica/peft-core'
import type { ReleaseView, RoundView, RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'

const gpus = ['small', 'medium', 'large']

let folder: Folder
let fleet: Fleet
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts: [siteText(0), siteText(1), siteText(2)],
    join: (agent) => ['--label', `gpu=${gpus[agent]}`],
  })
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const tensorsOf = (bytes: Uint8Array): TensorMap =>
  new Map([...decodeSafetensors(bytes)].map(([name, tensor]) => [name, floatTensor(tensor)]))

/** The updates of a round by the name of their agent. */
async function updatesOf(view: RunView, round: number): Promise<ReadonlyMap<string, TensorMap>> {
  const { contributions } = view.rounds[round - 1]!
  const read = contributions.map(async ({ name, updateSha256 }) => {
    const path = join(
      fleet.folders.coordinator,
      'updates',
      view.run,
      String(round),
      `${updateSha256}.safetensors`,
    )
    return [name, tensorsOf(await readFile(path))] as const
  })
  return new Map(await Promise.all(read))
}

describe('agents with ranks of their own', () => {
  test('train and send adapters of their rank, and learn together', async () => {
    const view = await fleet.run({
      ...{ rank: 8, optimizerState: 'reset', steps: 8, aggregate: '{ strategy: svd }' },
      ranks: '[{ where: label.gpu == small, rank: 2 }, { where: label.gpu == medium, rank: 4 }]',
    })
    expect(view.state).toBe('succeeded')
    for (const round of [1, 2]) {
      const updates = await updatesOf(view, round)
      for (const [name, rank] of Object.entries({ 'site-0': 2, 'site-1': 4, 'site-2': 8 })) {
        const shapes = [...updates.get(name)!].map(
          ([key, { shape }]) => shape[key.includes('lora_A') ? 0 : 1],
        )
        expect(new Set(shapes), name).toEqual(new Set([rank]))
        expect([...updates.get(name)!.values()].every(({ data }) => data.some((value) => value !== 0))).toBe(
          true,
        )
      }
    }
    const shown = await fleet.operate<RoundView>('rounds', 'show', view.run, '2')
    expect(shown.attempts[0]?.agents.map(({ name, rank }) => [name, rank]).toSorted()).toEqual([
      ['site-0', 2],
      ['site-1', 4],
      ['site-2', 8],
    ])
    const { rounds } = await fleet.operate<{ rounds: readonly { isSame: boolean }[] }>(
      'run',
      'replay',
      view.run,
    )
    expect(rounds.map(({ isSame }) => isSame)).toEqual([true, true])
    const losses = [view.baseline?.loss, ...view.rounds.map(({ loss }) => loss)] as number[]
    expect(losses[1]).toBeLessThan(losses[0]! - 0.05)
    expect(losses[2]).toBeLessThan(losses[0]! - 0.05)
  })
})

describe('agents with a B of their own', () => {
  const settings = { rounds: 3, steps: 8, aggregate: '{ strategy: fedsa }' }
  let quiet: RunView
  let disturbed: RunView
  beforeAll(async () => {
    quiet = await fleet.run(settings)
    const runId = await fleet.start(settings)
    await fleet.agents[0]?.until(
      (line) => line.event === 'release-verified' && line.name === releaseAfter(quiet),
    )
    await Promise.all([0, 1, 2].map((agent) => fleet.restartAgent(agent)))
    disturbed = await fleet.operate<RunView>('run', 'watch', runId)
  })

  test('never send it, and their updates are averaged', async () => {
    for (const round of [1, 2, 3]) {
      for (const update of (await updatesOf(quiet, round)).values())
        expect([...update.keys()].every((name) => name.endsWith('.lora_A.weight'))).toBe(true)
    }
    const { upload } = await runLorica<{
      upload: { update: { tensors: readonly { name: string }[] } }
    }>(['agent', 'last-upload', '--dir', fleet.folders.agent(0)])
    expect(upload.update.tensors.every(({ name }) => name.includes('.lora_A.'))).toBe(true)
    const [before, after] = (await releasesOf(quiet)).slice(1)
    const updates = await updatesOf(quiet, 3)
    const weights = new Map(quiet.rounds[2]!.contributions.map(({ name, weight }) => [name, weight]))
    for (const [name, { data }] of after!) {
      for (const [at, value] of data.entries()) {
        const mean = [...updates].reduce(
          (sum, [site, update]) => sum + weights.get(site)! * (update.get(name)?.data[at] ?? 0),
          0,
        )
        expect(Math.abs(value - (before!.get(name)!.data[at]! + mean)), name).toBeLessThan(1e-6)
      }
    }
  })

  test('measure candidates with it: a release alone is the base, and their loss falls', () => {
    const losses = [
      quiet.baseline?.loss,
      ...quiet.rounds.map(({ loss }) => loss),
      quiet.final?.loss,
    ] as number[]
    expect(losses[1]).toBeLessThan(losses[0]! - 0.05)
    expect(losses[2]).toBeLessThan(losses[1]!)
    expect(losses[3]).toBeLessThan(losses[2]!)
    expect(losses[4]).toBeLessThan(losses[0]! - 0.15)
  })

  test('find their own parts in the releases that they have, which differ from agent to agent', async () => {
    const [, , released] = await releasesOf(disturbed)
    const isLast = (line: { readonly name?: unknown }) => line.name === disturbed.release
    await Promise.all(fleet.agents.map(({ until }) => until(isLast)))
    const own = await Promise.all([0, 1, 2].map((agent) => ownParts(agent, disturbed.run)))
    for (const [agent, parts] of own.entries()) {
      const place = join(fleet.folders.agent(agent), 'releases', disturbed.release!, 'personal')
      const { tensors } = await readAdapter(place)
      for (const [name, { data }] of tensors) {
        const isOwn = name.endsWith('.lora_B.weight')
        expect(data, name).toEqual((isOwn ? parts : released!).get(name)!.data)
        if (!isOwn) continue
        expect(released!.get(name)!.data.every((value) => value === 0)).toBe(true)
        expect(data.some((value) => Math.abs(value) > 0.01)).toBe(true)
        expect(data).not.toEqual(own[(agent + 1) % 3]!.get(name)!.data)
      }
    }
  })

  test('are told of where a release is exported', async () => {
    const out = folder.at('exported')
    const { notes } = await fleet.operate<{ notes: readonly string[] }>(
      ...['releases', 'export', quiet.release!, '--out', out],
    )
    expect(notes).toEqual([expect.stringContaining('its agents keep parts of their own')])
    const { tensors } = await readAdapter(out)
    expect(
      [...tensors].every(([name, { data }]) => name.includes('lora_A') || data.every((value) => value === 0)),
    ).toBe(true)
  })

  test('go on with it after they were killed, to the same bytes as without', async () => {
    expect(disturbed.rounds.map(({ adapterSha256 }) => adapterSha256)).toEqual(
      quiet.rounds.map(({ adapterSha256 }) => adapterSha256),
    )
    expect(disturbed.rounds.map(({ loss }) => loss)).toEqual(quiet.rounds.map(({ loss }) => loss))
    expect(disturbed.final?.loss).toBe(quiet.final?.loss)
  })

  test('lose it when they leave, but for what is in their releases', async () => {
    await fleet.agents[2]?.stop('SIGTERM')
    const dir = fleet.folders.agent(2)
    for (const name of ['controls', 'moments', 'residuals'])
      await mkdir(join(dir, name, 'of-a-run'), { recursive: true })
    await runLorica(['agent', 'leave', '--dir', dir])
    const left = await readdir(dir)
    for (const name of ['personal', 'controls', 'moments', 'residuals']) expect(left).not.toContain(name)
    expect(await readdir(join(dir, 'releases', disturbed.release!))).toContain('personal')
  })

  /** What each release of a run is, oldest first. */
  async function releasesOf({ run }: RunView): Promise<readonly TensorMap[]> {
    const { releases } = await fleet.operate<{ releases: readonly ReleaseView[] }>('releases', 'list')
    const own = releases.filter(({ manifest }) => manifest.runId === run)
    const read = own.map(async ({ manifest }) => {
      const { sha256: hash } = manifest.files.find(({ path }) => path === 'adapter_model.safetensors')!
      const bytes = await readFile(join(fleet.folders.coordinator, 'blobs', hash.slice(0, 2), hash))
      expect(sha256(bytes)).toBe(hash)
      return tensorsOf(bytes)
    })
    return await Promise.all(read)
  }
})

/** The name of the release after the last one of a run. */
function releaseAfter({ release }: RunView): string {
  return `v${Number(release?.slice(1)) + 1}`
}

/** The personal parts that an agent has after its latest training of a run. */
async function ownParts(agent: number, runId: string): Promise<TensorMap> {
  const place = join(fleet.folders.agent(agent), 'personal', runId)
  const { latest } = JSON.parse(await readFile(join(place, 'state.json'), 'utf8')) as { latest: string }
  expect(await readdir(place)).toContain(`${latest}.safetensors`)
  return tensorsOf(await readFile(join(place, `${latest}.safetensors`)))
}
