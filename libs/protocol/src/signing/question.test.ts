import { expect, test } from 'vitest'
import type { EvaluateAssignment } from '../messages/assignment.js'
import { adapterHash, questionOf } from './question.js'

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
