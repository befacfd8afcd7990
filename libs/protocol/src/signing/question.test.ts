import { expect, test } from 'vitest'
import type { EvaluateAssignment, TrainAssignment } from '../messages/assignment.js'
import { adapterHash, questionOf, trainingHash } from './question.js'

const file = (path: string, letter: string) => ({ path, sha256: letter.repeat(64), sizeBytes: 12 })
const asked: EvaluateAssignment = {
  ...{ assignmentId: 'a1', kind: 'evaluate', runId: 'tone-1', round: 3, deadlineMs: 9000 },
  base: { sha256: 'a'.repeat(64), files: [file('config.json', 'b')] },
  adapter: { version: 2, files: [file('adapter_config.json', 'c'), file('adapter_model.safetensors', 'd')] },
  ...{ data: { format: 'text', maxTokens: 32, holdout: 0.1 }, batch: 2, maxTokensEvaluated: 1024 },
}

test('whoever is asked the same of the same adapter, in whatever round and order of files, has the same question', () => {
  const { version: _, files } = asked.adapter
  const again = { ...asked, assignmentId: 'b7', round: 9, deadlineMs: 5, personal: [] }
  expect(
    questionOf({ ...again, adapter: { version: 8, files: [...files].reverse() } } as EvaluateAssignment),
  ).toEqual(questionOf(asked))
  expect(adapterHash(files)).toBe(questionOf(asked).adapter)
})

test('another adapter, run, base, text or own tensors make another question', () => {
  const others: readonly Partial<EvaluateAssignment>[] = [
    {},
    {
      adapter: {
        version: 2,
        files: [file('adapter_config.json', 'c'), file('adapter_model.safetensors', 'e')],
      },
    },
    { runId: 'tone-2' },
    { base: { sha256: 'f'.repeat(64), files: [file('config.json', 'b')] } },
    { maxTokensEvaluated: null },
    { maxTokensEvaluated: 1025 },
    { data: { ...asked.data, holdout: 0.2 } },
    { data: { ...asked.data, maxTokens: 16 } },
    { batch: 3 },
    { personal: ['m.lora_A.weight'] },
  ]
  const questions = others.map((part) => questionOf({ ...asked, ...part }))
  expect(new Set(questions.map(({ question }) => question)).size).toBe(others.length)
  expect(new Set(questions.map(({ adapter }) => adapter)).size).toBe(2)
})

test('trainings are the same but for what is of the moment', () => {
  const { batch: _, maxTokensEvaluated: __, ...common } = asked
  const training: TrainAssignment = {
    ...{ ...common, kind: 'train', seed: 7, maxUpdateNorm: 1 },
    peft: { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false },
    local: {
      ...{ steps: 4, batch: 2, learningRate: 1e-3, weightDecay: 0, clipNorm: null, schedule: 'constant' },
      ...{ warmupSteps: 0, accumulate: 1, optimizerState: 'reset', totalSteps: 8, firstStep: 0 },
    },
    control: { file: file('c', 'c'), counted: 'a'.repeat(64) },
  }
  const hash = trainingHash(training)
  const ring = { agents: 3, bound: 1, fractionBits: 20, bits: 32 }
  const secure = { attempt: 2, elements: 9, ring, degree: 2, threshold: 2, minSurvivors: 2 }
  expect(trainingHash({ ...training, assignmentId: 'b7', deadlineMs: 5, secure })).toBe(hash)
  const others: readonly Partial<TrainAssignment>[] = [
    ...[{ round: 4 }, { runId: 'tone-2' }, { seed: 8 }, { maxUpdateNorm: 1e-9 }, { rank: 2 }],
    ...[{ local: { ...training.local, learningRate: 1e-300 } }, { local: { ...training.local, steps: 1 } }],
    ...[{ data: { ...asked.data, holdout: 0.9 } }, { adapter: { ...asked.adapter, version: 3 } }],
    ...[{ frozen: ['m.lora_A.weight'] }, { control: { file: file('c', 'c'), counted: null } }],
  ]
  const hashes = others.map((part) => trainingHash({ ...training, ...part }))
  expect(new Set([hash, ...hashes]).size).toBe(others.length + 1)
})
