/**
 * An agent whose training is a number, on a disk of its own.
 * @module
 */
import { join } from 'node:path'
import type { Adapter, TensorMap } from '@lorica/peft-core'
import type { EvaluateAssignment, TrainAssignment, UpdateOpen } from '@lorica/protocol'
import { systemClock } from '../clock.js'
import type { AgentEvent } from '../report.js'
import { ownerOf } from '../site/owner.js'
import { spendingFrom } from '../site/spend.js'
import { openControls } from '../store/controls.js'
import { openMoments } from '../store/moments.js'
import { openOutbox } from '../store/outbox.js'
import { openPersonal } from '../store/personal.js'
import { openResiduals } from '../store/residuals.js'
import { type ContributionParts, contributor, type Delivery } from './contribution.js'

const hash = 'ab'.repeat(32)
const file = { path: 'config.json', sha256: hash, sizeBytes: 12 }
export const assignment: TrainAssignment = {
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
export const evaluation: EvaluateAssignment = {
  ...{ assignmentId: 'a1', kind: 'evaluate', runId: 'r1', round: 3, deadlineMs: 9000 },
  ...{ base: assignment.base, adapter: assignment.adapter, data: assignment.data },
  ...{ batch: 2, maxTokensEvaluated: 1024 },
}
export const tensors = (...values: number[]): TensorMap =>
  new Map([['m.lora_A.weight', { shape: [1, values.length], data: new Float32Array(values) }]])
export const receipt = (sha256: string) => ({
  updateSha256: sha256,
  round: 3,
  acceptedAt: '2026-05-04T03:02:01Z',
})

/** What a coordinator answers to an update. */
export type Upload = (update: UpdateOpen) => Promise<ReturnType<typeof receipt>>

export const never = (): AbortSignal => new AbortController().signal
const clock = systemClock()

/** The parts of an agent whose training adds (2, -3, 6) to the adapter and whose coordinator answers with `upload`. */
export function agentIn(folder: string, upload: Upload) {
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
  const controls = openControls(join(folder, 'controls'))
  const personal = openPersonal(join(folder, 'personal'))
  const energy = {
    begin: () => ({ stop: async () => {}, taken: () => ({ joules: 2.5, source: 'rapl' as const }) }),
  }
  const spending = spendingFrom(folder, ['/data/a.txt'])
  const parts: ContributionParts = {
    energy,
    work: {
      base: async () => '/models/tiny',
      adapter: async () => ({ config: {}, tensors: tensors(1, 1, 1) }) as unknown as Adapter,
      control: async ({ path }) => tensors(...path.split('_').map(Number)),
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
        byExample: async (_reading, plan) => {
          plans.push(plan)
          return { steps: [], samplingRate: 0.25 }
        },
        heldOut: async () => [],
        overlap: () => Promise.reject(new RangeError('overlap expected no call')),
      },
      tokenizer: () => Promise.reject(new RangeError('tokenizer expected no call')),
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
        async trainPrivately(_spec, job, onStep) {
          jobs.push(job)
          onStep({ step: 3, learningRate: 0.002 })
          const optimizer = { step: 12, first: tensors(0.1, 0.2, 0.3), second: tensors(0.4, 0.5, 0.6) }
          return { tensors: tensors(3, -2, 7), seconds: 0.5, steps: 4, optimizer }
        },
        sumClipped: async (_spec, { tensors: of }) =>
          new Map([...of].map(([name, { data }]) => [name, Float64Array.from(data, (_, at) => 0.5 - at)])),
        evaluate: async () => ({ lossSum: 0, tokens: 0, seconds: 0 }),
        examine: () => Promise.reject(new RangeError('examine expected no call')),
        answer: () => Promise.reject(new RangeError('answer expected no call')),
        peakBytes: () => Promise.reject(new RangeError('peakBytes expected no call')),
        gpuBytes: () => Promise.reject(new RangeError('gpuBytes expected no call')),
      },
      ...{ owner: ownerOf(folder, { clock }), clock },
      spend: spending.asExamples,
    },
    spendAsSite: spending.asSite,
    ...{
      outbox,
      moments,
      residuals,
      personal,
      controls,
      delivery,
      underWay: new Map(),
      answered: async () => {},
    },
    ...{ sums: { begin: () => {}, ask: () => false }, expectMasked: async () => {} },
    ...{ record: async () => {}, recordEvaluation: async () => {}, onProgress: () => {}, onFatal: () => {} },
    expectAllowed: () => ownerOf(folder, { clock }).expectFree(),
    tell: (event) => events.push(event),
  }
  return {
    perform: contributor(parts),
    parts,
    events,
    declined,
    jobs,
    plans,
    outbox,
    moments,
    residuals,
    controls,
  }
}
