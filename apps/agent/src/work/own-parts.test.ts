import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Adapter,
  type Batch,
  decodeSafetensors,
  floatTensor,
  personalAdapter,
  readAdapter,
  startEngine,
  strategyOf,
  type TensorMap,
  tensorSource,
} from '@lorica/peft-core'
import type { TrainAssignment } from '@lorica/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../clock.js'
import { createTrainer } from '../engine/engine.js'
import { workOf } from '../store/outbox.js'
import { agentIn, assignment, never, receipt } from './contribution.fixture.js'
import { contributor } from './contribution.js'

const golden = fileURLToPath(new URL('../../../../libs/peft-core/golden/llama', import.meta.url))
const sites = ['oslo', 'turin'] as const
const shares = { oslo: 0.25, turin: 0.75 }
const rounds = [1, 2, 3]
const local: TrainAssignment['local'] = {
  ...{
    steps: 4,
    batch: 3,
    learningRate: 0.02,
    weightDecay: 0,
    clipNorm: 1,
    schedule: 'constant',
    warmupSteps: 0,
  },
  ...{ accumulate: 1, optimizerState: 'reset', totalSteps: 12, firstStep: 0 },
}

test('rounds of fedsa by two agents, which start anew between rounds, are what library functions make of whole adapters', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lorica-own-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const trainer = createTrainer({
    clock: systemClock(),
    start: () => startEngine({ threads: 1, silenceMs: 60_000 }),
    onFallen: () => {},
  })
  onTestFinished(() => trainer.close())
  const start = await readAdapter(join(golden, 'adapter'))
  const shapes = new Map([...start.tensors].map(([name, { shape }]) => [name, shape]))
  const fedsa = strategyOf({ strategy: 'fedsa' })
  const roles = fedsa.roles({ config: start.config, shapes }, 1)
  const personal = [...roles].filter(([, role]) => role === 'local').map(([name]) => name)

  /** The update that an agent sends in a round, and its own parts then. */
  const contributed = async (site: (typeof sites)[number], round: number, adapter: Adapter) => {
    const folder = join(root, site)
    const { parts, outbox, declined } = agentIn(folder, async ({ sha256 }) => receipt(sha256)) // its stores opened anew
    const training = async () => batchesOf(site, round)
    const batches = { ...parts.work.batches, training, heldOut: async () => [] }
    const base = async () => join(golden, 'model')
    const work = { ...parts.work, base, adapter: async () => adapter, batches, trainer }
    const asked: TrainAssignment = {
      ...{ ...assignment, assignmentId: `${site}-${round}`, round, maxUpdateNorm: null, local, personal },
      adapter: { ...assignment.adapter, version: round - 1 },
      data: { ...assignment.data, maxTokens: 16 },
    }
    await contributor({ ...parts, work })(asked, never())
    expect(declined).toEqual([])
    const finished = (await outbox.find(workOf(asked)))!
    const raw = decodeSafetensors(await outbox.read(finished, 0, finished.sizeBytes))
    const update: TensorMap = new Map([...raw].map(([name, tensor]) => [name, floatTensor(tensor)]))
    return { update, own: (await parts.personal.own('r1', round))! }
  }

  let release = start
  let last: readonly Awaited<ReturnType<typeof contributed>>[] = []
  for (const round of rounds) {
    last = []
    const aggregation = fedsa.open({ start: release, round, measured: false })
    for (const site of sites) {
      const one = await contributed(site, round, release)
      expect([...one.update.keys()].filter((name) => personal.includes(name))).toEqual([])
      const tensors = tensorSource(one.update)
      await aggregation.fold({ ...release, start: release.tensors, id: site, weight: shares[site], tensors })
      last = [...last, one]
    }
    release = (await aggregation.close()).candidate
  }

  let whole: readonly Adapter[] = sites.map(() => start)
  for (const round of rounds) {
    const trained: Adapter[] = []
    for (const [at, site] of sites.entries()) {
      const { config, tensors } = whole[at]!
      const spec = {
        model: join(golden, 'model'),
        config,
        rows: 3,
        columns: 16,
        trainable: 'adapter',
      } as const
      const result = await trainer.train(
        spec,
        {
          tensors,
          batches: batchesOf(site, round),
          optimizer: {
            learningRate: 0.02,
            weightDecay: 0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clipNorm: 1,
          },
          schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 12, firstStep: 0 },
          accumulate: 1,
        },
        () => {},
        never(),
      )
      trained.push({ config, tensors: result.tensors })
    }
    const mean = (name: string): Float32Array => {
      const before = whole[0]!.tensors.get(name)!.data
      const [one, other] = trained.map(({ tensors }) => tensors.get(name)!.data) as [
        Float32Array,
        Float32Array,
      ]
      const change = (after: Float32Array, at: number) => Math.fround(after[at]! - before[at]!) // as it is sent
      return before.map(
        (value, at) => value + shares.oslo * change(one, at) + shares.turin * change(other, at),
      )
    }
    const common = new Map([...shapes].map(([name, shape]) => [name, { shape, data: mean(name) }]))
    whole = trained.map((own) => personalAdapter(own, { config: start.config, tensors: common }, roles))
  }

  for (const [at, { tensors }] of whole.entries()) {
    for (const [name, { data }] of tensors) {
      const found = (personal.includes(name) ? last[at]!.own : release.tensors).get(name)!.data
      expect(furthest(found, data), name).toBeLessThan(2e-4)
      expect(furthest(data, start.tensors.get(name)!.data), name).toBeGreaterThan(0.01)
    }
  }
  const [oslo, turin] = last.map(({ own }) => own)
  for (const name of personal) {
    expect(furthest(oslo!.get(name)!.data, turin!.get(name)!.data), name).toBeGreaterThan(0.005)
    expect(release.tensors.get(name)).toEqual(start.tensors.get(name))
  }
})

function furthest(left: Float32Array, right: Float32Array): number {
  return Math.max(...left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN))))
}

/** Rows that differ from site to site and from round to round. */
function batchesOf(site: string, round: number): readonly Batch[] {
  return Array.from({ length: 4 }, (_, step) => {
    const seed = 101 * step + 53 * round + 7 * site.length
    const inputIds = Int32Array.from(
      { length: 48 },
      (_, index) => 3 + ((index * 37 + seed * site.length) % 300),
    )
    return { rows: 3, columns: 16, inputIds, attentionMask: new Int32Array(48).fill(1), labels: inputIds }
  })
}
