import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Adapter,
  adapterFiles,
  decodeSafetensors,
  floatTensor,
  parseAdapter,
  strategyOf,
  type TensorMap,
  tensorSource,
  truncatedAdapter,
} from '@lorica/peft-core'
import type {
  FileReference,
  PlanView,
  ReplayView,
  RoundView,
  RunView,
  TrainAssignment,
} from '@lorica/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { type Manner, type ScriptedAgent, startAgent, trainedTensors } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { writeModel } from '../model.fixture.js'

const ranks = [
  { where: 'label.gpu == small', rank: 2 },
  { where: 'label.gpu in (small, medium)', rank: 4 },
]
const sizes = { oslo: 'small', turin: 'medium', graz: 'large' } as const
const tokens = { oslo: 40, turin: 80, graz: 20 } as const
type Site = keyof typeof sizes

/** An agent whose update has other values in each place, of each site and round. */
function manner(name: Site, more: Manner = {}): Manner {
  return {
    labels: { gpu: sizes[name] },
    async train(agent, assignment) {
      const seed = 10 * assignment.round + name.length + tokens[name]
      const wave = (index: number) => 0.1 * Math.sin(seed * (index + 1) + (index % 7))
      await agent.upload(assignment, (start) => filled(start, wave), tokens[name])
    },
    ...more,
  }
}

function filled(tensors: TensorMap, valueAt: (index: number) => number): TensorMap {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((_, index) => valueAt(index)) },
    ]),
  )
}

interface Ended {
  readonly run: RunView
  readonly agents: ReadonlyMap<string, ScriptedAgent>
  readonly updates: string
  readonly peft: object
}

/** Runs rounds of these agents on a model of width 24, whose modules have rank 8. */
async function ended(
  fleet: Fleet,
  root: string,
  {
    sites = ['oslo', 'turin', 'graz'],
    aggregate = { strategy: 'svd' },
    rounds = 2,
    peft = {},
  }: {
    readonly sites?: readonly Site[]
    readonly aggregate?: object
    readonly rounds?: number
    readonly peft?: object
  } = {},
): Promise<Ended> {
  const agents = new Map<string, ScriptedAgent>()
  for (const name of sites) agents.set(name, await startAgent(fleet, name, manner(name)))
  const model = await writeModel(root, 24)
  const runId = await fleet.startRun({
    base: { model },
    peft: { rank: 8, alpha: 16, targets: ['q_proj', 'down_proj'], ranks, ...peft },
    ...{ aggregate, rounds: { count: rounds, minimum: sites.length }, evaluate: { holdout: 0 } },
  })
  await fleet.event(runId, 'run-ended')
  return { run: await fleet.run(runId), agents, updates: join(root, 'coordinator', 'updates', runId), peft }
}

const trainings = ({ assignments }: ScriptedAgent) =>
  assignments.filter((assignment): assignment is TrainAssignment => assignment.kind === 'train')

async function adapterIn(agent: ScriptedAgent, files: readonly FileReference[]): Promise<Adapter> {
  const read = (name: string) => agent.read(files.find(({ path }) => path === name)!.sha256)
  return parseAdapter({
    'adapter_config.json': await read('adapter_config.json'),
    'adapter_model.safetensors': await read('adapter_model.safetensors'),
  })
}

/** The start of a round, and the adapter and update of each agent in it. */
async function roundOf({ run, agents, updates }: Ended, number: number) {
  const first = [...agents.values()][0]!
  const start = await adapterIn(first, trainings(first)[number - 1]!.adapter.files)
  const contributions = await Promise.all(
    run.rounds[number - 1]!.contributions.map(async ({ name, updateSha256, weight }) => {
      const bytes = await readFile(join(updates, String(number), `${updateSha256}.safetensors`))
      const update: TensorMap = new Map(
        [...decodeSafetensors(bytes)].map(([key, tensor]) => [key, floatTensor(tensor)]),
      )
      const { rank } = trainings(agents.get(name)!)[number - 1]!
      const own = rank === undefined ? start : await truncatedAdapter(start, rank)
      return { name, id: updateSha256, weight, own, update }
    }),
  )
  return { first, start, contributions }
}

type Rows = readonly (readonly number[])[]

/** scaling * (B + dB)(A + dA) of a module, (outputs, inputs), by plain loops. */
function changeOf(tensors: TensorMap, module: string, scaling: number, update?: TensorMap): Rows {
  const [a, b] = ['A', 'B'].map((factor) => {
    const name = `base_model.model.${module}.lora_${factor}.weight`
    const { shape, data } = tensors.get(name)!
    return { shape, data: Array.from(data, (value, at) => value + (update?.get(name)?.data[at] ?? 0)) }
  }) as [{ shape: number[]; data: number[] }, { shape: number[]; data: number[] }]
  const [rank, inputs] = a.shape as [number, number]
  return Array.from({ length: b.shape[0]! }, (_, row) =>
    Array.from({ length: inputs }, (_, column) => {
      let sum = 0
      for (let k = 0; k < rank; k++) sum += b.data[row * rank + k]! * a.data[k * inputs + column]!
      return scaling * sum
    }),
  )
}

const distance = (one: Rows, other: Rows): number =>
  Math.hypot(...one.flatMap((row, i) => row.map((value, j) => value - other[i]![j]!)))

const folder = async () => {
  const root = await mkdtemp(join(tmpdir(), 'lorica-ranks-'))
  onTestFinished(() => rm(root, { recursive: true }))
  return root
}

test('agents of ranks 2, 4 and 8 give what svd makes of their adapters offline, and a replay the same bytes', async () => {
  const root = await folder()
  await using fleet = await startFleet(root)
  const all = await ended(fleet, root)
  expect(trainings(all.agents.get('oslo')!).map(({ rank, peft }) => [rank, peft.rank])).toEqual([
    [2, 8],
    [2, 8],
  ])
  expect(trainings(all.agents.get('turin')!).map(({ rank }) => rank)).toEqual([4, 4])
  expect(trainings(all.agents.get('graz')!).map(({ rank }) => rank)).toEqual([undefined, undefined])
  for (const number of [1, 2]) {
    const { start, contributions } = await roundOf(all, number)
    const svd = strategyOf({ strategy: 'svd', target: { rank: 8 }, balance: 'even', partition: false })
    const offline = svd.open({ start, round: number, measured: false })
    for (const { id, weight, own, update } of contributions) {
      const tensors = tensorSource(update)
      await offline.fold({ id, weight, config: own.config, start: own.tensors, tensors })
    }
    const { candidate } = await offline.close()
    const sha256 = createHash('sha256')
      .update(adapterFiles(candidate)['adapter_model.safetensors'])
      .digest('hex')
    expect(sha256).toBe(all.run.rounds[number - 1]!.adapterSha256)
    expect(
      contributions.map(({ name, update }) => [name, [...update.values()][0]!.shape[0]]).toSorted(),
    ).toEqual([
      ['graz', 8],
      ['oslo', 2],
      ['turin', 4],
    ])
  }
  const view = (await fleet.api('GET', `/api/v1/runs/${all.run.run}/rounds/2`)).body as RoundView
  expect(view.attempts[0]!.agents.map(({ name, rank }) => [name, rank]).toSorted()).toEqual([
    ['graz', 8],
    ['oslo', 2],
    ['turin', 4],
  ])
  expect(view.aggregation?.notes).toEqual([
    '2 of 3 agents trained a lower rank: beyond it they count as zeros',
  ])
  const { bytesUp, bytesUpAsF32 } = all.run.rounds[1]!
  expect(bytesUpAsF32).toBe(bytesUp)
  await fleet.restart()
  const replay = await fleet.api('POST', `/api/v1/runs/${all.run.run}/rounds/2/replay`)
  expect((replay.body as ReplayView).isSame).toBe(true)
})

test('ranks that fill less than the rank of the run give exactly their sum, and rows to train beside it', async () => {
  const root = await folder()
  await using fleet = await startFleet(root)
  const all = await ended(fleet, root, { sites: ['oslo', 'turin'], rounds: 1, peft: { rslora: true } })
  const { first, start, contributions } = await roundOf(all, 1)
  const { adapterSha256 } = all.run.rounds[0]!
  const weights = decodeSafetensors(await first.read(adapterSha256))
  const released: TensorMap = new Map([...weights].map(([name, tensor]) => [name, floatTensor(tensor)]))
  const scaling = 16 / Math.sqrt(8)
  for (const module of ['model.layers.0.self_attn.q_proj', 'model.layers.1.mlp.down_proj']) {
    const terms = contributions.map(({ own, update, weight }) => ({
      weight,
      change: changeOf(own.tensors, module, scaling, update),
    }))
    const wanted = terms[0]!.change.map((row, i) =>
      row.map((_, j) => terms.reduce((sum, { weight, change }) => sum + weight * change[i]![j]!, 0)),
    )
    expect(Math.hypot(...wanted.flat())).toBeGreaterThan(1)
    expect(distance(changeOf(released, module, scaling), wanted)).toBeLessThan(1e-5)
    const [a, b] = ['A', 'B'].map(
      (factor) => released.get(`base_model.model.${module}.lora_${factor}.weight`)!,
    )
    expect([a!.shape[0], b!.shape[1]]).toEqual([8, 8])
    const inputs = a!.shape[1]!
    const fresh = start.tensors.get(`base_model.model.${module}.lora_A.weight`)!.data.subarray(6 * inputs)
    expect(a!.data.subarray(6 * inputs)).toEqual(fresh)
    expect(b!.data.filter((_, at) => at % 8 >= 6).every((value) => value === 0)).toBe(true)
  }
})

test('hetlora fills factors up with zeros and averages them by the norms of their products, and a coordinator may step on', async () => {
  const root = await folder()
  await using fleet = await startFleet(root)
  const optimizer = { kind: 'momentum', learningRate: 0.5, momentum: 0 }
  const all = await ended(fleet, root, { rounds: 1, aggregate: { strategy: 'hetlora', optimizer } })
  const { first, start, contributions } = await roundOf(all, 1)
  const weights = decodeSafetensors(await first.read(all.run.rounds[0]!.adapterSha256))
  const module = 'model.layers.1.self_attn.q_proj'
  const norms = contributions.map(({ own, update }) =>
    Math.hypot(...changeOf(own.tensors, module, 2, update).flat()),
  )
  const total = norms.reduce((sum, norm) => sum + norm, 0)
  for (const factor of ['A', 'B']) {
    const name = `base_model.model.${module}.lora_${factor}.weight`
    const before = start.tensors.get(name)!
    const found = floatTensor(weights.get(name)!).data
    const [, width] = before.shape as [number, number]
    for (const [at, value] of before.data.entries()) {
      const [row, column] = [Math.floor(at / width), at % width]
      const mean = contributions.reduce((sum, { own, update }, k) => {
        const [rows, columns] = own.tensors.get(name)!.shape as [number, number]
        if (row >= rows || column >= columns) return sum
        const place = row * columns + column
        const theirs = own.tensors.get(name)!.data[place]! + update.get(name)!.data[place]!
        return sum + (norms[k]! / total) * theirs
      }, 0)
      expect(Math.abs(found[at]! - (value + 0.5 * (mean - value))), name).toBeLessThan(1e-6)
    }
  }
  const replay = await fleet.api('POST', `/api/v1/runs/${all.run.run}/rounds/1/replay`)
  expect((replay.body as ReplayView).isSame).toBe(true)
})

test('an update of another rank than its seat is refused, and an agent that knows no ranks has no seat below the full one', async () => {
  const root = await folder()
  await using fleet = await startFleet(root)
  const refused: string[] = []
  const greedy: Manner['train'] = async (agent, assignment) => {
    const { rank: _, ...whole } = assignment
    const bytes = filled(await trainedTensors(agent, whole), () => 0.5)
    refused.push(
      await agent
        .upload(assignment, () => bytes)
        .then(
          () => '',
          (error) => error.code,
        ),
    )
  }
  await startAgent(fleet, 'oslo', manner('oslo', { train: greedy }))
  await startAgent(fleet, 'turin', manner('turin', { protocol: 1 }))
  await startAgent(fleet, 'graz', manner('graz', { protocol: 1 }))
  const model = await writeModel(root, 24)
  const spec = {
    base: { model },
    peft: { rank: 8, alpha: 16, targets: ['q_proj'], ranks },
    ...{ aggregate: { strategy: 'hetlora' }, rounds: { count: 1, minimum: 1 }, evaluate: { holdout: 0 } },
  }
  const plan = await fleet.api('POST', '/api/v1/runs/plan', {
    ...{ name: 'tone', data: { maxTokens: 16 }, local: { steps: 5, batch: 4, learningRate: 1e-3 } },
    ...spec,
  })
  expect((plan.body as PlanView).agents.map(({ name, fate, rank }) => [name, fate, rank])).toEqual([
    ['oslo', 'invited', 2],
    ['turin', 'unsuited', 4],
    ['graz', 'invited', 8],
  ])
  const runId = await fleet.startRun(spec)
  await fleet.event(runId, 'run-ended')
  const { body } = await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)
  const fates = (body as RoundView).attempts[0]!.agents.map(({ name, fate, message }) => [
    name,
    fate,
    message,
  ])
  expect(refused).toEqual(['LRC-4009'])
  expect(fates).toContainEqual(['turin', 'unsuited', 'speaks protocol 1, and peft.ranks 4 needs 2'])
  expect(fates).toContainEqual(['graz', 'accepted', null])
})
