import { createHash } from 'node:crypto'
import { decodeControl, type TensorMap } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { type Manner, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'

const STEPS = 5
const RATE = 0.1

interface Site {
  readonly curvature: number
  readonly target: number
}

/** Three sites that pull in other directions: the loss of each value is curvature (value - target)^2 / 2. */
const sites: Readonly<Record<string, Site>> = {
  oslo: { curvature: 0.5, target: -0.4 },
  turin: { curvature: 4, target: -0.9 },
  graz: { curvature: 1.5, target: 0.6 },
}
const optimum = (0.5 * -0.4 + 4 * -0.9 + 1.5 * 0.6) / 6

/** An agent that makes corrected steps of gradient descent, and keeps its controls by the hashes of its updates. */
function site({ curvature, target }: Site, controls: Map<string, TensorMap>): Manner {
  return {
    async train(agent, assignment) {
      const { file = null, counted = null } = assignment.control ?? {}
      const server = file === null ? undefined : decodeControl(await agent.read(file.sha256))
      const own = counted === null ? undefined : controls.get(counted)
      if (counted !== null) expect(own).toBeDefined()
      const next = new Map<string, { shape: readonly number[]; data: Float32Array }>()
      const change = (start: TensorMap): TensorMap =>
        new Map(
          [...start].map(([name, { shape, data }]) => {
            const found = new Float32Array(data.length)
            const moved = data.map((x, at) => {
              let [y, sum] = [x, 0]
              const correction = (server?.get(name)?.data[at] ?? 0) - (own?.get(name)?.data[at] ?? 0)
              for (let step = 0; step < STEPS; step++) {
                const gradient = curvature * (y - target)
                sum += gradient
                y -= RATE * (gradient + (assignment.control === undefined ? 0 : correction))
              }
              found[at] = sum / STEPS // c_k+ is the mean gradient on the way
              return y - x
            })
            next.set(name, { shape, data: found })
            return [name, { shape, data: moved }]
          }),
        )
      const bytes = await updateBytes(agent, assignment, change)
      controls.set(createHash('sha256').update(bytes).digest('hex'), next)
      await agent.upload(assignment, change)
    },
  }
}

/** A run of the three sites, the last of which comes in later. */
async function released(local: object) {
  await using fleet = await startFleet()
  const controls = Object.fromEntries(Object.keys(sites).map((name) => [name, new Map<string, TensorMap>()]))
  const start = (name: string): Promise<ScriptedAgent> =>
    startAgent(fleet, name, site(sites[name]!, controls[name]!))
  const [oslo] = await Promise.all([start('oslo'), start('turin')])
  const runId = await fleet.startRun({
    ...{
      rounds: { count: 16, minimum: 2 },
      evaluate: { holdout: 0 },
      aggregate: { weights: { by: 'uniform' } },
    },
    local: { steps: STEPS, batch: 4, learningRate: RATE, optimizer: 'sgd', ...local },
  })
  while ((await fleet.run(runId)).rounds.length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  await start('graz')
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/16/replay`)
  const last = oslo!.assignments.flatMap((one) => (one.kind === 'train' ? [one] : [])).at(-1)!
  const { tensors } = await adapterOf(oslo!, last)
  const file = last.control?.file
  const server = file ? decodeControl(await oslo!.read(file.sha256)) : undefined
  const counted = run.rounds.at(-2)!.contributions
  return { value: tensors, server, controls, counted, replay: body, rounds: run.rounds }
}

async function adapterOf(agent: ScriptedAgent, assignment: Parameters<NonNullable<Manner['train']>>[1]) {
  let tensors: TensorMap = new Map()
  await updateBytes(agent, assignment, (start) => {
    tensors = start
    return start
  })
  return { tensors }
}

const valueIn = (tensors: TensorMap): number => [...tensors.values()][0]!.data[1]!

test('corrected steps lead three unlike sites to the optimum of all, which averaging misses, also when one comes in later', async () => {
  const corrected = await released({ scaffold: true })
  expect(corrected.rounds.map(({ contributions }) => contributions.length)).toContain(2)
  expect(corrected.rounds.at(-1)!.contributions).toHaveLength(3)
  expect(valueIn(corrected.value)).toBeCloseTo(optimum, 2)
  const plain = await released({})
  expect(Math.abs(valueIn(plain.value) - optimum)).toBeGreaterThan(0.1)
  expect(plain.server).toBeUndefined()
  const [down, plainDown] = [corrected, plain].map(({ rounds }) => rounds.at(-1)!.bytesDown)
  expect(down! / plainDown!).toBeGreaterThan(1.2) // a control, which this agent reads once; it reads the adapter several times
  expect(corrected.rounds.at(-1)!.bytesUp).toBe(plain.rounds.at(-1)!.bytesUp)
  expect(corrected.replay).toMatchObject({ isSame: true })
  const sum = corrected.counted.reduce(
    (total, { name, updateSha256 }) => total + valueIn(corrected.controls[name]!.get(updateSha256)!),
    0,
  )
  expect(valueIn(corrected.server!)).toBeCloseTo(sum / 3, 4) // the coordinator's is the mean of those that it never saw
})
