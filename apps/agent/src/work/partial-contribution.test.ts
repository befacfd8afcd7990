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
import { LoricaError, type TrainAssignment } from '@lorica/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { workOf } from '../store/outbox.js'
import { agentIn, assignment, never, receipt, type Upload } from './contribution.fixture.js'
import { type ContributionParts, contributor } from './contribution.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-contribution-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const agent = (upload: Upload) => agentIn(folder, upload)

test.each([
  ['an agent of a lower rank', { rank: 1 }, false],
  ['an agent beside a frozen side', { trained: { rank: 1 } }, true],
] as const)('%s trains the first rows of A and columns of B, and sends as much', async (_, part, hasSide) => {
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
      seen.push(spec.config, job.tensors, spec.side, job.side)
      return { ...(await parts.work.trainer.train(spec, job, onStep, signal)), tensors: trained }
    },
  }
  const work = { ...parts.work, adapter: async () => whole, trainer }
  const asked: TrainAssignment = { ...assignment, maxUpdateNorm: null, ...part }
  await contributor({ ...parts, work })(asked, never())
  expect(declined).toEqual([])
  expect(seen[0]).toMatchObject({ rank: 1, alpha: 3 })
  expect(seen[1]).toEqual(
    new Map([
      [key('A'), filled([1, 3], [1, 2, 3])],
      [key('B'), filled([2, 1], [7, 9])],
    ]),
  )
  const rest: TensorMap = new Map([
    [key('A'), filled([1, 3], [4, 5, 6])],
    [key('B'), filled([2, 1], [8, 10])],
  ])
  expect(seen.slice(2)).toEqual(hasSide ? [{ q: 1 }, rest] : [undefined, undefined])
  const finished = await outbox.find(workOf(asked))
  const sent = decodeSafetensors(await outbox.read(finished!, 0, finished!.sizeBytes))
  expect([...sent].map(([name, { shape }]) => [name, shape])).toEqual([
    [key('A'), [1, 3]],
    [key('B'), [2, 1]],
  ])
})

describe('parts that stay with the agent', () => {
  const A = 'm.lora_A.weight'
  const B = 'm.lora_B.weight'
  const pair = (a: readonly number[], b: readonly number[]): TensorMap =>
    new Map([
      [A, { shape: [1, 3], data: Float32Array.from(a) }],
      [B, { shape: [2, 1], data: Float32Array.from(b) }],
    ])
  const at = (round: number, version: number): TrainAssignment => ({
    ...{ ...assignment, assignmentId: `a${round}-${version}`, round, maxUpdateNorm: 1000, personal: [B] },
    adapter: { ...assignment.adapter, version },
  })

  /** An agent whose training adds 2 to A and doubles B before it adds 1; version v of the adapter is A = v, B = 0. */
  function works(
    upload: Upload = async ({ sha256 }) => receipt(sha256),
    changed: Partial<ContributionParts['outbox']> = {},
  ) {
    const base = agent(upload)
    const started: number[][] = []
    const measured: number[][] = []
    const valuesOf = (tensors: TensorMap) => [...tensors.values()].flatMap(({ data }) => [...data])
    const trainer: ContributionParts['work']['trainer'] = {
      ...base.parts.work.trainer,
      async train(spec, job, onStep, signal) {
        started.push(valuesOf(job.tensors))
        const [a, b] = [A, B].map((name) => job.tensors.get(name)!.data) as [Float32Array, Float32Array]
        const result = await base.parts.work.trainer.train(spec, job, onStep, signal)
        return {
          ...result,
          tensors: pair(
            [...a].map((value) => value + 2),
            [...b].map((value) => 2 * value + 1),
          ),
        }
      },
      async evaluate(_spec, tensors) {
        measured.push(valuesOf(tensors))
        return { lossSum: 5, tokens: 2, seconds: 0.1 }
      },
    }
    const adapter = async ({ adapter: { version } }: { readonly adapter: { readonly version: number } }) =>
      ({ config: {}, tensors: pair([version, version, version], [0, 0]) }) as unknown as Adapter
    const work = { ...base.parts.work, adapter, trainer }
    return {
      ...base,
      perform: contributor({ ...base.parts, outbox: { ...base.outbox, ...changed }, work }),
      started,
      measured,
    }
  }

  test('are trained, never sent, and go on where they were; the candidate is measured with them', async () => {
    const { perform, outbox, started, measured, declined } = works()
    await perform(at(1, 0), never())
    const finished = await outbox.find(workOf(at(1, 0)))
    const sent = decodeSafetensors(await outbox.read(finished!, 0, finished!.sizeBytes))
    expect([...sent].map(([name, { shape }]) => [name, shape])).toEqual([[A, [1, 3]]])
    const { assignmentId, runId, round, base, data, deadlineMs } = at(1, 0)
    const candidate = { version: 3, files: assignment.adapter.files }
    const asked = { assignmentId, runId, round, base, data, deadlineMs, adapter: candidate, personal: [B] }
    await perform({ ...asked, kind: 'evaluate', batch: 2, maxTokensEvaluated: null }, never())
    await perform(at(2, 3), never())
    await perform(at(3, 4), never())
    expect(declined).toEqual([])
    expect(started).toEqual([
      [0, 0, 0, 0, 0],
      [3, 3, 3, 1, 1],
      [4, 4, 4, 3, 3],
    ])
    expect(measured).toEqual([[3, 3, 3, 1, 1]])
  })

  test('that were trained for an update that was refused stay, and a round that came to nothing is trained from those before', async () => {
    let refuses = false
    const { perform, started, parts } = works(async ({ sha256 }) => {
      if (refuses) throw new LoricaError('LRC-4002', 'the round is closed')
      return receipt(sha256)
    })
    await perform(at(1, 0), never())
    refuses = true
    await perform(at(2, 3), never()) // others completed the round without it
    refuses = false
    await perform(at(3, 4), never())
    await perform(at(4, 4), never()) // the candidate of round 3 was not released
    expect(started.map((values) => values.slice(2))).toEqual([
      [0, 0, 0],
      [3, 1, 1],
      [4, 3, 3],
      [4, 3, 3],
    ])
    expect((await parts.personal.own('r1', 9))?.get(B)?.data).toEqual(Float32Array.of(7, 7))
  })

  test('are kept before the update is, so that a crash in between trains the round again from those before', async () => {
    const { perform, started } = works()
    await perform(at(1, 0), never())
    const put = async () => {
      throw new LoricaError('LRC-8003', 'the machine lost power')
    }
    const crashing = works(undefined, { put })
    await crashing.perform(at(2, 3), never())
    expect(crashing.declined).toEqual(['a2-3 LRC-8003 File cannot be read or written'])
    await perform(at(2, 3), never())
    expect([crashing.started.at(-1), started.at(-1)]).toEqual([
      [3, 3, 3, 1, 1],
      [3, 3, 3, 1, 1],
    ])
  })

  test('are no part of what rounding keeps back, nor of the bound on an update', async () => {
    const { perform, outbox, parts } = works()
    const rounded: TrainAssignment = { ...at(1, 0), maxUpdateNorm: 1.5, update: { encoding: 'int4' } }
    await perform(rounded, never())
    const finished = await outbox.find(workOf(rounded))
    const sent = decodeSafetensors(await outbox.read(finished!, 0, finished!.sizeBytes))
    expect([...sent.keys()].toSorted()).toEqual([A, `${A}.scales`])
    const owed = (await parts.residuals.owed('r1', 1))!
    expect([...owed.keys()]).toEqual([A])
    // (2, 2, 2) shortened to 1.5 is 0.866 each; the scale of 7 is the bfloat16 next to 0.866 / 7.
    for (const value of owed.get(A)!.data) expect(Math.abs(value)).toBeLessThan(0.004)
    expect((await parts.personal.own('r1', 1))?.get(B)?.data).toEqual(Float32Array.of(1, 1))
  })

  test('an assignment that leaves nothing to send, or names what the adapter lacks, is declined', async () => {
    const { perform, declined } = works()
    await perform({ ...at(1, 0), personal: [A, B] }, never())
    await perform({ ...at(1, 0), personal: ['m.lora_C.weight'] }, never())
    expect(declined.map((text) => text.slice(0, 13))).toEqual(['a1-0 LRC-1007', 'a1-0 LRC-1007'])
  })
})
