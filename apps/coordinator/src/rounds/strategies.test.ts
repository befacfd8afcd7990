import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { ReplayView, RoundView, TrainAssignment } from '@lorica/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'

const deltas = { oslo: 0.25, turin: -0.5, graz: 1.5 } as const
const tokens = { oslo: 40, turin: 80, graz: 40 } as const

/** Runs rounds of the three agents, whose updates are filled with their deltas. */
async function aggregated(fleet: Fleet, aggregate: object, rounds: number) {
  const agents = await Promise.all(
    (['oslo', 'turin', 'graz'] as const).map((name) =>
      startAgent(fleet, name, { delta: deltas[name], tokens: tokens[name] }),
    ),
  )
  const runId = await fleet.startRun({
    ...{ aggregate, rounds: { count: rounds, minimum: 3 }, evaluate: { holdout: 0 } },
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const assignments = agents[0]!.assignments.filter(
    (assignment): assignment is TrainAssignment => assignment.kind === 'train',
  )
  const read = async (sha256 = ''): Promise<TensorMap> => {
    const tensors = decodeSafetensors(await agents[0]!.read(sha256))
    return new Map([...tensors].map(([name, tensor]) => [name, floatTensor(tensor)]))
  }
  const weightsOf = (assignment: TrainAssignment) =>
    assignment.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256
  const starts = await Promise.all(assignments.map((assignment) => read(weightsOf(assignment))))
  const last = await read(run.adapterSha256 ?? undefined)
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  return { run, assignments, adapters: [...starts, last], view }
}

/** B A of a module, (outputs, inputs), after a change of all values of its factors. */
function product(tensors: TensorMap, module: string, change = 0): readonly (readonly number[])[] {
  const [a, b] = ['A', 'B'].map((factor) => tensors.get(`${module}.lora_${factor}.weight`)!)
  const [rank, inputs] = a!.shape as [number, number]
  const outputs = b!.shape[0] as number
  const at = (matrix: typeof a, index: number) => (matrix!.data[index] as number) + change
  return Array.from({ length: outputs }, (_, row) =>
    Array.from({ length: inputs }, (_, column) =>
      Array.from({ length: rank }, (_, k) => at(b, row * rank + k) * at(a, k * inputs + column)).reduce(
        (sum, value) => sum + value,
        0,
      ),
    ),
  )
}

const moduleOf = (tensors: TensorMap): string =>
  [...tensors.keys()].find((name) => name.endsWith('.lora_A.weight'))!.replace('.lora_A.weight', '')

function exactMean(start: TensorMap, module: string): readonly (readonly number[])[] {
  const terms = (['oslo', 'turin', 'graz'] as const).map((name) => ({
    share: tokens[name] / 160,
    matrix: product(start, module, deltas[name]),
  }))
  return terms[0]!.matrix.map((row, i) =>
    row.map((_, j) => terms.reduce((sum, { share, matrix }) => sum + share * matrix[i]![j]!, 0)),
  )
}

const distance = (one: readonly (readonly number[])[], other: typeof one): number =>
  Math.hypot(...one.flatMap((row, i) => row.map((value, j) => value - other[i]![j]!)))

test('svd releases the exact mean of the updates, where averaging the factors is far off, and the report says both', async () => {
  await using fleet = await startFleet()
  const { adapters, view } = await aggregated(fleet, { strategy: 'svd' }, 1)
  const [start, released] = adapters as unknown as [TensorMap, TensorMap]
  const module = moduleOf(start)
  const wanted = exactMean(start, module)
  const norm = Math.hypot(...wanted.flat())
  expect(distance(product(released, module), wanted) / norm).toBeLessThan(1e-6)
  const mean = 0.25 * 0.25 - 0.5 * 0.5 + 1.5 * 0.25
  const averagedError = distance(product(start, module, mean), wanted) / norm
  const report = view.aggregation?.modules.find((one) =>
    one.module.endsWith(module.replace(/^base_model\.model\./, '')),
  )
  expect(report?.averagedError).toBeCloseTo(averagedError, 4)
  expect(averagedError).toBeGreaterThan(0.1)
  expect(report?.error).toBeLessThan(1e-6)
  expect(view.aggregation?.agents.map(({ name, share }) => [name, share]).sort()).toEqual([
    ['graz', 0.25],
    ['oslo', 0.25],
    ['turin', 0.5],
  ])
})

test('rolora trains B first, then A, and each round leaves the other factor as it was, byte for byte', async () => {
  await using fleet = await startFleet()
  const { assignments, adapters, view } = await aggregated(fleet, { strategy: 'rolora' }, 2)
  const frozen = assignments.map(({ frozen: names = [] }) => names)
  expect(frozen[0]!.every((name) => name.includes('.lora_A.'))).toBe(true)
  expect(frozen[1]!.every((name) => name.includes('.lora_B.'))).toBe(true)
  expect(frozen[0]!.length + frozen[1]!.length).toBe(adapters[0]!.size)
  for (const round of [0, 1]) {
    for (const [name, { data }] of adapters[round + 1]!) {
      const before = adapters[round]!.get(name)!.data
      if (frozen[round]!.includes(name)) expect(data).toEqual(before)
      else expect(data[0]! - before[0]!).toBeCloseTo(0.25 * 0.25 - 0.5 * 0.5 + 1.5 * 0.25, 6)
    }
  }
  expect(view.aggregation).toMatchObject({ strategy: 'rolora', exact: true })
  expect(view.aggregation?.error).toBeLessThan(1e-6)
})

test('a round is computed again from its updates to the same bytes, and says when they are damaged or gone', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lorica-replay-'))
  onTestFinished(() => rm(root, { recursive: true }))
  await using fleet = await startFleet(root)
  const { run } = await aggregated(fleet, { strategy: 'svd' }, 2)
  const replay = (round: number) => fleet.api('POST', `/api/v1/runs/${run.run}/rounds/${round}/replay`)
  await fleet.restart()
  const views = [(await replay(1)).body, (await replay(2)).body] as ReplayView[]
  expect(views.map(({ round, release, updates, isSame }) => [round, release, updates, isSame])).toEqual([
    [1, 'v1', 3, true],
    [2, 'v2', 3, true],
  ])
  expect(views[1]?.recomputedSha256).toBe(run.adapterSha256)
  expect(views[0]?.recomputedSha256).not.toBe(run.adapterSha256)
  expect((await replay(3)).body).toMatchObject({ code: 'LRC-3013', expected: '1 to 2' })
  const updates = join(root, 'coordinator', 'updates', run.run)
  const [first = ''] = await readdir(join(updates, '2'))
  await appendFile(join(updates, '2', first), 'x')
  expect((await replay(2)).body).toMatchObject({
    code: 'LRC-3015',
    detail: expect.stringContaining('damaged'),
  })
  await rm(join(updates, '1'), { recursive: true })
  expect((await replay(1)).body).toMatchObject({
    code: 'LRC-3015',
    detail: expect.stringContaining('ENOENT'),
  })
})

test('uniform weights and bounded counts give other means than tokens do', async () => {
  const meanOf = async (weights: object): Promise<number> => {
    await using fleet = await startFleet()
    const { adapters, run } = await aggregated(fleet, { weights }, 1)
    const shares = run.rounds[0]!.contributions.map(({ weight }) => weight)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
    const [name, { data }] = [...adapters[1]!][0]!
    return data[0]! - adapters[0]!.get(name)!.data[0]!
  }
  expect(await meanOf({ by: 'uniform' })).toBeCloseTo((0.25 - 0.5 + 1.5) / 3, 6)
  expect(await meanOf({ atMost: 60 })).toBeCloseTo((40 * 0.25 - 60 * 0.5 + 40 * 1.5) / 140, 6)
})
