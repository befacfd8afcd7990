import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Adapter,
  decodeSafetensors,
  encodeSafetensors,
  parseAdapter,
  rawTensor,
  type TensorMap,
} from '@lorica/peft-core'
import { LoricaError, type TrainAssignment, type UpdateOpen } from '@lorica/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from './clock.js'
import { type ContributionParts, contributor, type Delivery, deliver } from './contribution.js'
import type { AgentEvent } from './report.js'
import { ownerOf } from './site/owner.js'
import { pause } from './site/pause.js'
import { openMoments } from './store/moments.js'
import { type Finished, openOutbox, workOf } from './store/outbox.js'
import { openResiduals } from './store/residuals.js'

const hash = 'ab'.repeat(32)
const file = { path: 'config.json', sha256: hash, sizeBytes: 12 }
const assignment: TrainAssignment = {
  ...{
    assignmentId: 'a1',
    kind: 'train',
    runId: 'r1',
    round: 3,
    seed: 11,
    maxUpdateNorm: 3.5,
    deadlineMs: 9000,
  },
  ...{ base: { sha256: hash, files: [file] }, adapter: { version: 2, files: [file] } },
  peft: { method: 'lora', rank: 1, alpha: 8, targets: 'all-linear', rslora: false },
  data: { format: 'text', maxTokens: 32, holdout: 0.1 },
  local: {
    ...{
      steps: 4,
      batch: 2,
      learningRate: 0.003,
      weightDecay: 0.1,
      clipNorm: 1,
      schedule: 'linear',
      warmupSteps: 2,
    },
    ...{ accumulate: 3, optimizerState: 'keep', totalSteps: 20, firstStep: 8 },
  },
}
const tensors = (...values: number[]): TensorMap =>
  new Map([['m.lora_A.weight', { shape: [1, values.length], data: new Float32Array(values) }]])
const receipt = (sha256: string) => ({ updateSha256: sha256, round: 3, acceptedAt: '2026-05-04T03:02:01Z' })

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-contribution-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** The parts of an agent whose training adds (2, -3, 6) to the adapter and whose coordinator answers with `upload`. */
function agent(upload: (update: UpdateOpen) => Promise<ReturnType<typeof receipt>>) {
  const events: AgentEvent[] = []
  const declined: string[] = []
  const jobs: unknown[] = []
  const plans: unknown[] = []
  const delivery: Delivery = {
    upload: (update, _finished, signal) =>
      Promise.race([upload(update), new Promise<never>((_, no) => signal.addEventListener('abort', no))]),
    evaluation: async () => {},
    decline: async (id, code, message) => void declined.push(`${id} ${code} ${message}`),
  }
  const moments = openMoments(join(folder, 'moments'))
  const outbox = openOutbox(join(folder, 'outbox'))
  const residuals = openResiduals(join(folder, 'residuals'))
  const parts: ContributionParts = {
    work: {
      base: async () => '/models/tiny',
      adapter: async () => ({ config: {}, tensors: tensors(1, 1, 1) }) as unknown as Adapter,
      batches: {
        async training(_reading, plan) {
          plans.push(plan)
          const batch = { rows: 2, columns: 32, inputIds: new Int32Array(64) }
          return Array.from({ length: 12 }, () => ({
            ...batch,
            attentionMask: batch.inputIds,
            labels: batch.inputIds,
          }))
        },
        heldOut: async () => [],
      },
      trainer: {
        ...{ warm: () => {}, close: async () => {} },
        async train(_spec, job, onStep) {
          jobs.push(job)
          onStep({ step: 3, loss: 4.25, tokensPerSecond: 900, gradNorm: 0.5, learningRate: 0.002 })
          const state = { step: 12, first: tensors(0.1, 0.2, 0.3), second: tensors(0.4, 0.5, 0.6) }
          const losses = Float32Array.of(4.75, 4.5, 4.375, 4.25)
          return {
            tensors: tensors(3, -2, 7),
            losses,
            seconds: 0.5,
            tokens: 700,
            rateSum: 0.02,
            optimizer: state,
          }
        },
        evaluate: async () => ({ lossSum: 0, tokens: 0, seconds: 0 }),
      },
      ...{ owner: ownerOf(folder, { clock }), clock },
    },
    ...{ outbox, moments, residuals, delivery, underWay: new Map(), answered: async () => {} },
    ...{ record: async () => {}, recordEvaluation: async () => {}, onProgress: () => {}, onFatal: () => {} },
    expectAllowed: () => ownerOf(folder, { clock }).expectFree(),
    tell: (event) => events.push(event),
  }
  return { perform: contributor(parts), parts, events, declined, jobs, plans, outbox, moments, residuals }
}

const never = () => new AbortController().signal
const clock = systemClock()
const names = (events: readonly AgentEvent[]) => events.map(({ event }) => event)

test('an assignment becomes an update with its counts, and the receipt settles it', async () => {
  const opened: UpdateOpen[] = []
  const { perform, events, plans, outbox } = agent(async (update) => {
    opened.push(update)
    return receipt(update.sha256)
  })
  await perform(assignment, never())
  expect(plans).toEqual([{ rows: 2, steps: 12, firstStep: 24, seed: 11 }])
  expect(opened[0]).toMatchObject({
    ...{ assignmentId: 'a1', examples: 24, tokens: 700, trainMs: 500, lossFirst: 4.75, lossLast: 4.25 },
  })
  expect(names(events)).toEqual(['assignment', 'uploaded', 'receipt'])
  expect(await outbox.unsettled()).toEqual([])
  const bytes = await outbox.read({ ...opened[0], work: workOf(assignment) } as never, 0, 10_000)
  expect([...new Float32Array(bytes.slice(-12).buffer)]).toEqual([1, -1.5, 3]) // (2, -3, 6) has norm 7, the bound is 3.5
})

test('a round that is asked for again under another id is not trained again', async () => {
  const { perform, jobs, events } = agent(async ({ sha256 }) => receipt(sha256))
  await perform(assignment, never())
  await perform({ ...assignment, assignmentId: 'b9', deadlineMs: 100 }, never())
  expect(jobs).toHaveLength(1)
  expect(events.at(-1)).toMatchObject({ event: 'receipt', assignmentId: 'b9' })
})

test('an update that is being handed in is not handed in a second time', async () => {
  let opened = 0
  let accept = () => {}
  const accepted = new Promise<void>((resolve) => {
    accept = resolve
  })
  const { perform, parts, events } = agent(async ({ sha256 }) => {
    opened++
    await accepted
    return receipt(sha256)
  })
  const performing = perform(assignment, never())
  while (opened === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const [finished] = await parts.outbox.unsettled()
  const offering = deliver(finished as Finished, parts, never()) // as after a reconnection
  accept()
  await Promise.all([performing, offering])
  expect(opened).toBe(1)
  expect(names(events)).toEqual(['assignment', 'uploaded', 'receipt'])
})

test('the schedule and the optimizer go on from round to round', async () => {
  const { perform, jobs } = agent(async ({ sha256 }) => receipt(sha256))
  await perform(assignment, never())
  const local = { ...assignment.local, firstStep: 12 }
  await perform({ ...assignment, assignmentId: 'a2', round: 4, local }, never())
  expect(jobs[0]).not.toHaveProperty('state')
  expect(jobs[1]).toMatchObject({
    schedule: { kind: 'linear', warmupSteps: 2, totalSteps: 20, firstStep: 12 },
    state: { step: 12, first: tensors(0.1, 0.2, 0.3) },
    ...{ accumulate: 3, keepState: true, optimizer: { learningRate: 0.003, weightDecay: 0.1, clipNorm: 1 } },
  })
})

test('training is pulled back to what the round starts from as hard as the assignment says', async () => {
  const { perform, jobs } = agent(async ({ sha256 }) => receipt(sha256))
  await perform(assignment, never())
  const local = { ...assignment.local, proximal: 0.03 }
  await perform({ ...assignment, assignmentId: 'a2', round: 4, local }, never())
  expect(jobs[0]).not.toHaveProperty('proximal')
  expect(jobs[1]).toMatchObject({ proximal: { strength: 0.03 } })
})

test('a refusal of the coordinator is told and settles the update', async () => {
  const { perform, events, declined, outbox } = agent(async () => {
    throw new LoricaError('LRC-4002', 'round 3 is closed')
  })
  await perform(assignment, never())
  expect(events.at(-1)).toMatchObject({ event: 'refused', code: 'LRC-4002', message: 'round 3 is closed' })
  expect(declined).toEqual([])
  expect(await outbox.unsettled()).toEqual([])
})

test('an agent that is stopped while it delivers keeps its finished work', async () => {
  const stop = new AbortController()
  const { perform, events, declined, outbox } = agent(() => {
    setTimeout(() => stop.abort(new LoricaError('LRC-6010', 'told to stop')), 5)
    return new Promise(() => {})
  })
  await perform(assignment, stop.signal)
  expect(events.at(-1)).toMatchObject({ event: 'abandoned', code: 'LRC-6010' })
  expect(declined).toEqual([])
  expect(await outbox.unsettled()).toHaveLength(1)
})

test('a decline says why to the owner and names no file to the coordinator', async () => {
  const { parts, events, declined } = agent(async ({ sha256 }) => receipt(sha256))
  const training = async () => {
    throw new LoricaError('LRC-6001', '/home/mina/patients.txt: line 3: expected text')
  }
  const work = { ...parts.work, batches: { ...parts.work.batches, training } }
  await contributor({ ...parts, work })(assignment, never())
  expect(declined).toEqual(['a1 LRC-6001 Private data cannot be read'])
  expect(events.at(-1)).toMatchObject({
    event: 'declined',
    message: '/home/mina/patients.txt: line 3: expected text',
  })
})

test('an agent that its owner paused declines, says until when, and trains nothing', async () => {
  const { perform, declined, jobs } = agent(async (update) => receipt(update.sha256))
  const { untilMs } = await pause(folder, 3_600_000, Date.now())
  await perform(assignment, never())
  expect(jobs).toEqual([])
  expect(declined).toEqual([
    `a1 LRC-6008 the agent is paused until ${new Date(untilMs as number).toISOString()}`,
  ])
})

describe('an update in int4', () => {
  const rounded: TrainAssignment = { ...assignment, maxUpdateNorm: null, update: { encoding: 'int4' } }
  const at = (round: number): TrainAssignment => ({
    ...{ ...rounded, assignmentId: `a${round}`, round },
    adapter: { ...rounded.adapter, version: round - 1 },
  })
  /** The residuals of (2, -3, 6), and with them of what follows; the scale of 6 is the bfloat16 0.85546875. */
  const owedAfter = async ({ residuals }: Pick<ReturnType<typeof agent>, 'residuals'>, version: number) => [
    ...((await residuals.owed('r1', version))?.get('m.lora_A.weight')?.data ?? []),
  ]
  const scale = 0.85546875
  const kept = [2 - 2 * scale, -3 + 4 * scale, 6 - 7 * scale].map(Math.fround)

  test('keeps back what rounding took, and the next update makes it good', async () => {
    const works = agent(async ({ sha256 }) => receipt(sha256))
    await works.perform(at(3), never())
    expect(await owedAfter(works, 3)).toEqual(kept)
    await works.perform(at(4), never())
    // (2, -3, 6) and what was kept back, over the scale of their largest: codes 3, -3 and 7.
    const next = [2, -3, 6].map((value, index) => Math.fround(value + kept[index]!))
    const second = await owedAfter(works, 4)
    expect(second.map((value, index) => Math.round((next[index]! - value) / scale))).toEqual([3, -3, 7])
  })

  test('that was refused owes what went into it, and nothing twice', async () => {
    let refuses = false
    const works = agent(async ({ sha256 }) => {
      if (refuses) throw new LoricaError('LRC-4002', 'round 4 is closed')
      return receipt(sha256)
    })
    await works.perform(at(3), never())
    refuses = true
    await works.perform(at(4), never())
    expect(await owedAfter(works, 4)).toEqual(kept)
  })

  test('waits for the answer to the update before it', async () => {
    const works = agent(async ({ sha256 }) => receipt(sha256))
    const order: string[] = []
    const answered = async (runId: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push(`answered ${runId}`)
    }
    const residuals = {
      ...works.residuals,
      owed: async (runId: string, adapter: number) => {
        order.push('owed')
        return works.residuals.owed(runId, adapter)
      },
    }
    await contributor({ ...works.parts, answered, residuals })(at(3), never())
    expect(order).toEqual(['answered r1', 'owed'])
  })
})

test('an agent of a lower rank trains the first rows of A and columns of B, and sends as much', async () => {
  const { parts, outbox, declined } = agent(async ({ sha256 }) => receipt(sha256))
  const key = (factor: string) => `base_model.model.q.lora_${factor}.weight`
  const filled = (shape: number[], values: number[]) => ({ shape, data: Float32Array.from(values) })
  const config = { peft_type: 'LORA', r: 2, lora_alpha: 6, target_modules: ['q'] }
  const factors: TensorMap = new Map([
    [key('A'), filled([2, 3], [1, 2, 3, 4, 5, 6])],
    [key('B'), filled([2, 2], [7, 8, 9, 10])],
  ])
  const whole = parseAdapter({
    'adapter_config.json': Buffer.from(JSON.stringify(config)),
    'adapter_model.safetensors': encodeSafetensors(
      new Map([...factors].map(([name, tensor]) => [name, rawTensor(tensor)])),
    ),
  })
  const trained = new Map([
    [key('A'), filled([1, 3], [1.5, 2, 3])],
    [key('B'), filled([2, 1], [7, 9.25])],
  ])
  const seen: unknown[] = []
  const trainer: ContributionParts['work']['trainer'] = {
    ...parts.work.trainer,
    async train(spec, job, onStep, signal) {
      seen.push(spec.config, job.tensors)
      return { ...(await parts.work.trainer.train(spec, job, onStep, signal)), tensors: trained }
    },
  }
  const work = { ...parts.work, adapter: async () => whole, trainer }
  const asked: TrainAssignment = { ...assignment, maxUpdateNorm: null, rank: 1 }
  await contributor({ ...parts, work })(asked, never())
  expect(declined).toEqual([])
  expect(seen[0]).toMatchObject({ rank: 1, alpha: 3 })
  expect(seen[1]).toEqual(
    new Map([
      [key('A'), filled([1, 3], [1, 2, 3])],
      [key('B'), filled([2, 1], [7, 9])],
    ]),
  )
  const finished = await outbox.find(workOf(asked))
  const sent = decodeSafetensors(await outbox.read(finished!, 0, finished!.sizeBytes))
  expect([...sent].map(([name, { shape }]) => [name, shape])).toEqual([
    [key('A'), [1, 3]],
    [key('B'), [2, 1]],
  ])
})
