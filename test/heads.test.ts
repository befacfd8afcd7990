import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, readAdapter, type TensorMap } from '@lorica/peft-core'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, type RunSettings, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import type { Line } from './support/service.js'
import { writeToyClassifier } from './support/toy-classifier.js'

/** Texts whose class is a word in them; each site numbers the classes in its own way. */
function siteRows(site: number): string {
  const rows = Array.from({ length: 60 - 12 * site }, (_, at) => {
    const word = ['calm', 'storm', 'whale'][at % 3] as string
    const end = at % 2 === 0 ? 'sea' : 'deep'
    return `"${['the', 'a', 'deep'][at % 5] ?? 'sea'} ${word} ${end}",${(at + site) % 3}`
  })
  return `${['text,label', ...rows].join('\n')}\n`
}

const settings: RunSettings = {
  ...{ rounds: 2, steps: 40, rank: 2, learningRate: 0.01, optimizerState: 'reset' },
  ...{ format: 'classification', modulesToSave: '[classifier]' },
}
/** Texts of words that say nothing of a class. */
const guarded: RunSettings = {
  guards: '[{ metric: out-of-distribution, worseBy: 100%, mode: dry-run }]',
  evaluate: 'reference: [the sea, a deep sea, deep deep deep]',
}
const head = ['base_model.model.classifier.bias', 'base_model.model.classifier.weight']

let folder: Folder
let fleet: Fleet
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts: [siteRows(0), siteRows(1)],
    extension: 'csv',
    writeModel: (path) => writeToyClassifier(path),
  })
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const tensorsIn = async (path: string): Promise<TensorMap> =>
  new Map([...decodeSafetensors(await readFile(path))].map(([name, raw]) => [name, floatTensor(raw)]))

/** The updates of a round, with what each counts. */
async function updatesOf(view: RunView, round: number) {
  const { contributions } = view.rounds[round - 1]!
  const place = join(fleet.folders.coordinator, 'updates', view.run, String(round))
  const read = contributions.map(async ({ weight, updateSha256 }) => ({
    weight,
    tensors: await tensorsIn(join(place, `${updateSha256}.safetensors`)),
  }))
  return await Promise.all(read)
}

async function exported(release: string): Promise<string> {
  const out = folder.at(`exported-${release}`)
  await fleet.operate('releases', 'export', release, '--out', out)
  return out
}

/** What an agent measures a release as, alone, on all texts of a site. */
async function lossAlone(adapter: string, site: number): Promise<number> {
  const data = folder.at(`all-${site}.csv`)
  await writeFile(data, siteRows(site))
  const args = ['--model', fleet.model, '--adapter', adapter, '--data', data, '--max-tokens', '8']
  return (await runLorica<{ loss: number }>(['eval', ...args, '--threads', '1'])).loss
}

describe('a head that is trained whole', () => {
  test('is planned with its values, and stays out of what is sent where it is personal', async () => {
    const { modulesToSave: _, ...without } = settings
    const [none, shared, personal] = [
      await fleet.plan(without),
      await fleet.plan(settings),
      await fleet.plan({ ...settings, aggregate: '{ personal: [classifier] }' }),
    ]
    const values = 5 * 48 + 5
    expect(shared.parameters - none.parameters).toBe(values)
    expect(personal.parameters).toBe(shared.parameters)
    expect(shared.bytes.upEachRound - personal.bytes.upEachRound).toBe(4 * values)
  })

  test('is averaged by the weights of its agents, from what the base has; how sure it is of other texts is looked at', async () => {
    const view = await fleet.run({ ...settings, ...guarded })
    expect(view.state).toBe('succeeded')
    const [finding] = view.rounds[1]?.guards ?? []
    expect(finding).toMatchObject({ metric: 'out-of-distribution', mode: 'dry-run', examples: 3 })
    expect(finding?.value).toBeGreaterThanOrEqual(0)
    expect(finding?.value).toBeLessThanOrEqual(1)
    expect(finding?.before).not.toBe(finding?.value)
    expect(view.final!.loss).toBeGreaterThan(0.6) // about log 2: of each text, the sites say two things
    const updates = await updatesOf(view, 1)
    const base = await tensorsIn(join(fleet.model, 'model.safetensors'))
    const out = await exported('v1')
    const { config, tensors } = await readAdapter(out)
    expect(config).toMatchObject({ modulesToSave: ['classifier', 'score'], taskType: 'SEQ_CLS' })
    for (const name of head) {
      const { data } = base.get(name.replace('base_model.model.', ''))!
      for (const [at, value] of data.entries()) {
        const mean = updates.reduce((sum, one) => sum + one.weight * one.tensors.get(name)!.data[at]!, 0)
        expect(Math.abs(tensors.get(name)!.data[at]! - (value + mean)), name).toBeLessThan(1e-6)
      }
      const [one, other] = updates.map(({ tensors }) => tensors.get(name)!.data)
      expect(Math.hypot(...one!.map((value, at) => value - other![at]!)), name).toBeGreaterThan(0.05)
    }
  })
})

describe('a head of each agent', () => {
  const own = { ...settings, aggregate: '{ personal: [classifier] }' }
  let quiet: RunView
  let disturbed: RunView
  beforeAll(async () => {
    quiet = await fleet.run(own)
    const runId = await fleet.start(own)
    const first = `v${Number(quiet.release!.slice(1)) + 1}`
    const isFirst = ({ event, name }: Line) => event === 'release-verified' && name === first
    await Promise.all(fleet.agents.map(({ until }) => until(isFirst)))
    await Promise.all([0, 1].map((agent) => fleet.restartAgent(agent)))
    disturbed = await fleet.operate<RunView>('run', 'watch', runId)
  })

  test('is in no update, and what else is trained is', async () => {
    for (const round of [1, 2]) {
      for (const { tensors } of await updatesOf(quiet, round)) {
        expect([...tensors.keys()].filter((name) => !/\.lora_[AB]\.weight$/.test(name))).toEqual([])
        expect(tensors.size).toBeGreaterThan(10)
      }
    }
    const { upload } = await runLorica<{
      upload: { update: { tensors: readonly { name: string }[] } }
    }>(['agent', 'last-upload', '--dir', fleet.folders.agent(0)])
    expect(upload.update.tensors.some(({ name }) => name.includes('classifier'))).toBe(false)
  })

  test('tells apart what the sites number differently, which one head for all could not', async () => {
    const losses = [quiet.baseline, ...quiet.rounds, quiet.final].map((measured) => measured!.loss!)
    expect(losses.at(-1)).toBeLessThan(0.35)
    expect(losses[0]).toBeGreaterThan(1.2)
    const alone = await exported(quiet.release!)
    expect(await lossAlone(alone, 0)).toBeGreaterThan(1) // the head of the base
  })

  test('differs from agent to agent, and completes the releases that they have', async () => {
    await Promise.all(
      fleet.agents.map(({ until }) =>
        until((line) => line.event === 'release-verified' && line.name === disturbed.release),
      ),
    )
    const parts = await Promise.all([0, 1].map((agent) => ownParts(agent, disturbed.run)))
    for (const [agent, mine] of parts.entries()) {
      expect([...mine.keys()].toSorted()).toEqual(head)
      const place = join(fleet.folders.agent(agent), 'releases', disturbed.release!, 'personal')
      const { tensors } = await readAdapter(place)
      for (const name of head) {
        expect(tensors.get(name), name).toEqual(mine.get(name))
        const theirs = parts[1 - agent]!.get(name)!.data
        const far = Math.hypot(...mine.get(name)!.data.map((value, at) => value - theirs[at]!))
        expect(far, name).toBeGreaterThan(0.1)
      }
      expect(await lossAlone(place, agent)).toBeLessThan(0.35)
      expect(await lossAlone(place, 1 - agent)).toBeGreaterThan(1.5) // the other site’s numbers
    }
  })

  test('is there after agents were killed: the run ends with the same bytes and losses', () => {
    const facts = ({ rounds, final }: RunView) => [
      rounds.map(({ adapterSha256, loss }) => [adapterSha256, loss]),
      final?.loss,
    ]
    expect(facts(disturbed)).toEqual(facts(quiet))
  })
})

/** The personal parts that an agent has after its latest training of a run. */
async function ownParts(agent: number, runId: string): Promise<TensorMap> {
  const place = join(fleet.folders.agent(agent), 'personal', runId)
  const { latest } = JSON.parse(await readFile(join(place, 'state.json'), 'utf8')) as { latest: string }
  expect(await readdir(place)).toContain(`${latest}.safetensors`)
  return await tensorsIn(join(place, `${latest}.safetensors`))
}
