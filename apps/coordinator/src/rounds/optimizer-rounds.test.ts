import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor } from '@lorica/peft-core'
import type { ReplayView, RoundView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { type Manner, type ScriptedAgent, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { answer } from '../records/answer.js'
import type { StoreReport } from '../records/verify.js'

const momentum = { optimizer: { kind: 'momentum', learningRate: 0.5, momentum: 0.8 } }

/** Agents whose updates are 0.2 and 0.6 in every value, and that measure round 2 as far worse. */
const manners: Readonly<Record<string, Manner>> = {
  oslo: { delta: 0.2, loss: ({ round }) => (round === 2 ? 9 : 2) },
  turin: { delta: 0.6, loss: ({ round }) => (round === 2 ? 9 : 2) },
}

async function moved(fleet: Fleet, agent: ScriptedAgent, runId: string): Promise<readonly number[]> {
  const read = async (sha256 = '') => decodeSafetensors(await agent.read(sha256))
  const run = await fleet.run(runId)
  const first = agent.assignments.find(({ round }) => round === 0)!
  const weights = first.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')
  const [start, released] = [await read(weights?.sha256), await read(run.adapterSha256 ?? undefined)]
  return [...released].map(
    ([name, raw]) => floatTensor(raw).data[1]! - floatTensor(start.get(name)!).data[1]!,
  )
}

test('what the optimiser remembers moves with the adapter: over a restart, and not with a candidate that is not released', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-optimizer-'))
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using fleet = await startFleet(folder, { leaseMs: 10_000 })
  const upTo = (round: number): Manner => {
    const done = new Set<string>() // an assignment may come twice, and two uploads at once would be in each other's way
    return {
      async train(agent, assignment) {
        const seat = `${agent.name} ${assignment.assignmentId}`
        if (assignment.round > round || done.has(seat)) return
        done.add(seat)
        await agent.upload(assignment, manners[agent.name]!.delta!)
      },
    }
  }
  const names = Object.keys(manners)
  const before = await Promise.all(
    names.map((name) => startAgent(fleet, name, { ...manners[name], ...upTo(2) })),
  )
  const runId = await fleet.startRun({
    ...{ aggregate: momentum, rounds: { count: 4, minimum: 2 } },
    evaluate: { guards: [{ metric: 'loss', worseBy: '1%' }] },
  })
  const committed = async () => (await fleet.run(runId)).rounds.length
  while ((await committed()) < 2) await new Promise((resolve) => setTimeout(resolve, 20))
  await fleet.restart()
  await Promise.all(
    names.map((name, at) => startAgent(fleet, name, { ...manners[name], ...upTo(4) }, before[at]!.identity)),
  )
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect(run.rounds.map(({ verdict }) => verdict)).toEqual(['released', 'rejected', 'released', 'released'])
  const reader = await startAgent(fleet, 'graz')
  const assignment = before[0]!.assignments[0]!
  const moves = await moved(fleet, { ...reader, assignments: [assignment] }, runId)
  // 0.5 times the sum of v: 0.4, then 0.8 * 0.4 + 0.4 (not released, and forgotten), the same again, then 0.8 * 0.72 + 0.4
  for (const move of moves) expect(move).toBeCloseTo(0.5 * (0.4 + 0.72 + 0.976), 5)
  const replays = await Promise.all(
    [1, 2, 3, 4].map((round) => fleet.api('POST', `/api/v1/runs/${runId}/rounds/${round}/replay`)),
  )
  expect(replays.map(({ body }) => (body as ReplayView).isSame)).toEqual([true, true, true, true])
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/4`)).body as RoundView
  expect(view.aggregation).toMatchObject({ optimizer: 'momentum', strategy: 'fedavg' })
  await fleet.coordinator().close()
  const dir = join(folder, 'coordinator')
  const isConfirmed = true
  const swept = await answer({ ...{ verb: 'store-gc', dir, store: null, isConfirmed, olderThanMs: null } })
  expect((swept.document as { files: readonly { path: string }[] }).files.filter(isBlob)).toEqual([])
  const states = await statesIn(join(dir, 'blobs'))
  expect(states).toHaveLength(3) // rounds 2 and 3 began alike, so they remember the same
  for (const path of states) await rm(path)
  const { document } = await answer({ verb: 'store-verify', dir, store: null })
  expect((document as StoreReport).faults).toHaveLength(3)
})

const isBlob = ({ path }: { readonly path: string }): boolean => path.startsWith('blobs')

/** The files of what the optimiser remembered. */
async function statesIn(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of await readdir(folder, { recursive: true })) {
    const bytes = await readFile(join(folder, path)).catch(() => null) // null: a folder
    if (bytes?.includes('fedavgm')) found.push(join(folder, path))
  }
  return found
}

test('rolora remembers each factor from the rounds that trained it', async () => {
  await using fleet = await startFleet()
  const agents = await Promise.all(['oslo', 'turin'].map((name) => startAgent(fleet, name, { delta: 0.4 })))
  const runId = await fleet.startRun({
    ...{ aggregate: { strategy: 'rolora', ...momentum }, rounds: { count: 3, minimum: 2 } },
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const read = async (sha256 = '') => decodeSafetensors(await agents[0]!.read(sha256))
  const { files } = agents[0]!.assignments[0]!.adapter
  const start = await read(files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256)
  for (const [name, raw] of await read(run.adapterSha256 ?? undefined)) {
    const move = floatTensor(raw).data[1]! - floatTensor(start.get(name)!).data[1]!
    expect(move).toBeCloseTo(name.includes('lora_B') ? 0.5 * (0.4 + 0.72) : 0.5 * 0.4, 5)
  }
})
