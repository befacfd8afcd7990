import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoricaError, type TrainAssignment, type UpdateOpen } from '@lorica/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EvaluationMessage } from '../measuring/evaluation.js'
import type { AgentEvent } from '../report.js'
import { pause } from '../site/pause.js'
import { systemDisk } from '../store/disk.js'
import { type Finished, workOf } from '../store/outbox.js'
import { openStores } from '../store/stores.js'
import { openSumBook } from '../store/sum-book.js'
import { maskedOnly } from '../summing/masked-only.js'
import type { Summand } from '../summing/sums.js'
import {
  agentIn,
  assignment,
  evaluation,
  never,
  receipt,
  tensors,
  type Upload,
} from './contribution.fixture.js'
import { contributor, deliver } from './contribution.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-contribution-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const agent = (upload: Upload) => agentIn(folder, upload)
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

describe('a loss that is to leave masked', () => {
  const ring = { agents: 3, bound: 65_535, fractionBits: 0, bits: 32 }
  const secure = { attempt: 1, elements: 7, ring, degree: 2, threshold: 2, minSurvivors: 3 }
  const masked = { ...evaluation, secure }
  type Trainer = ReturnType<typeof agentIn>['parts']['work']['trainer']
  const measuring = (
    evaluate: Trainer['evaluate'],
    heldOut?: () => Promise<never>,
    allowed = async (): Promise<void> => {},
  ) => {
    const { parts, declined } = agent(async ({ sha256 }) => receipt(sha256))
    const begun: Summand[] = []
    const said: EvaluationMessage[] = []
    const { work } = parts
    const batches = heldOut === undefined ? work.batches : { ...work.batches, heldOut }
    const perform = contributor({
      ...parts,
      work: { ...work, batches, trainer: { ...work.trainer, evaluate } },
      sums: { begin: (one) => void begun.push(one), ask: () => false },
      delivery: { ...parts.delivery, evaluation: async (message) => void said.push(message) },
      expectAllowed: allowed,
      expectMasked: maskedOnly(openSumBook(join(folder, 'sums'))),
    })
    return { perform, begun, said, declined }
  }
  const loss = (lossSum: number, tokens: number) => async () => ({ lossSum, tokens, seconds: 0.25 })

  test('is told of by the second, however many batches it takes', async () => {
    const told = async (batches: number) => {
      let nowMs = 0
      let tick = (): void => {}
      const clock = {
        ...{ now: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} },
        every: (_: number, act: () => void) => {
          tick = act
          return () => {
            tick = () => {}
          }
        },
      }
      const steps: number[] = []
      const { parts } = agent(async ({ sha256 }) => receipt(sha256))
      const { work } = parts
      const evaluate: Trainer['evaluate'] = async (_spec, _tensors, rows) => {
        for await (const _ of rows) {
          for (let at = 0; at < 12_000 / batches; at += 500) {
            nowMs += 500
            if (nowMs % 1000 === 0) tick()
          }
        }
        return { lossSum: 37.5, tokens: 12, seconds: 12 }
      }
      const heldOut = async () => Array.from({ length: batches }, () => ({}) as never)
      await contributor({
        ...parts,
        work: {
          ...work,
          clock,
          batches: { ...work.batches, heldOut },
          trainer: { ...work.trainer, evaluate },
        },
        onProgress: ({ step }) => void steps.push(step),
      })(masked, never())
      tick()
      return steps
    }
    expect(await told(3)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1))
    expect(await told(24)).toEqual(await told(3))
  })

  test('goes into a sum, and is said to nobody', async () => {
    const { perform, begun, said, declined } = measuring(loss(37.5, 12))
    await perform(masked, never())
    const measured = { lossSum: 37.5, tokens: 12, evaluateMs: 250 }
    expect([begun, said, declined]).toEqual([[{ assignment: masked, measured }], [], []])
  })

  test('is zeros where nothing is held out, or too little', async () => {
    const nothing = measuring(loss(0, 0))
    await nothing.perform(masked, never())
    const little = measuring(loss(37.5, 12), () =>
      Promise.reject(new LoricaError('LRC-6002', '/data/a.txt: too little data')),
    )
    await little.perform(masked, never())
    for (const { begun, declined } of [nothing, little]) {
      expect(begun).toMatchObject([{ measured: { lossSum: 0, tokens: 0 } }])
      expect(declined).toEqual([])
    }
  })

  test('that is not finite is declined without a number, and so is more than a loss', async () => {
    const diverged = measuring(loss(Number.NaN, 12))
    await diverged.perform(masked, never())
    expect(diverged.declined).toEqual(['a1 LRC-6011 the loss of adapter 2 is not finite'])
    const compared = measuring(loss(37.5, 12))
    await compared.perform({ ...masked, against: evaluation.adapter }, never())
    expect(compared.declined).toEqual(['a1 LRC-6017 what is measured in a secure sum is the loss alone'])
    expect([diverged.begun, diverged.said, compared.begun, compared.said]).toEqual([[], [], [], []])
  })

  test('is declined without numbers of the data, which are told where everything else is seen', async () => {
    const full = new LoricaError('LRC-6016', '213 MB are missing on the disk of this agent')
    const { perform, declined } = measuring(loss(37.5, 12), () => Promise.reject(full))
    await perform(masked, never())
    await perform({ ...evaluation, runId: 'r2' }, never())
    expect(declined).toEqual(['a1 LRC-6016 Round does not fit on the disk', `a1 LRC-6016 ${full.message}`])
  })

  test('leaves in the clear in no run that ever asked for a sum', async () => {
    const { perform, said, declined } = measuring(loss(37.5, 12))
    await perform(evaluation, never())
    expect(said).toMatchObject([{ lossSum: 37.5, tokens: 12 }])
    const stores = openStores(folder, systemDisk())
    await perform(masked, never()) // nothing of its sum was said yet
    await perform(evaluation, never())
    await stores.drop('r1') // the coordinator says that the run ended, and begins it anew
    await perform(evaluation, never())
    expect(said).toHaveLength(1)
    const refused = 'a1 LRC-6017 what this run asks for left masked so far, and this loss would not'
    expect(declined).toEqual([refused, refused])
    const full = measuring(loss(37.5, 12), undefined, async () => {
      throw new LoricaError('LRC-6016', '213 MB are missing on the disk of this agent')
    })
    await full.perform(evaluation, never())
    expect(full.declined).toEqual([refused])
  })
})
