import { createHash } from 'node:crypto'
import { parseAssignment, parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { abuseWords } from './abuse-words.js'
import { probesFor } from './probes.js'

const key = new Uint8Array(32).fill(7)
const long = 'One two three four five six seven eight nine ten eleven twelve thirteen, fourteen.'

function probesOf(evaluate: object, format = 'text') {
  const spec = parseRunSpec({
    ...{ name: 'x', base: { model: 'm' }, data: { format, maxTokens: 32 } },
    ...{ local: { steps: 2, batch: 4, learningRate: 1e-3 }, rounds: { count: 1 }, evaluate },
  })
  return probesFor(spec, { key, seed: 5 })
}

const guards = (...metrics: readonly string[]) => metrics.map((metric) => ({ metric, worseBy: '10%' }))

test('agents are asked for what a guard that is on looks at, and for nothing else', () => {
  expect(probesOf({ guards: guards('loss', 'accuracy') })).toBeUndefined()
  expect(probesOf({ guards: [{ metric: 'memory', worseBy: '10%', mode: 'off' }] })).toBeUndefined()
  expect(probesOf({ guards: guards('memory') }, 'classification')).toEqual({ cost: { pairs: 16 } })
  const reference = ['a text of another kind']
  expect(probesOf({ guards: guards('out-of-distribution'), reference }, 'classification')).toEqual({
    reference,
  })
  const asked = probesOf({ guards: guards('repetition'), prompts: { texts: ['Hello'], tokens: 9 } })
  expect(asked).toEqual({
    prompts: { texts: ['Hello'], tokens: 9, temperature: 0, seed: 5 },
    repetition: true,
  })
})

test('words leave as hashes: those of the run, else a short list', () => {
  const { words, prompts } = probesOf({ guards: guards('words'), words: ['Blöd', 'x'] }) ?? {}
  const hashed = ['blöd', 'x'].map((word) => createHash('sha256').update(word).digest().subarray(0, 8))
  expect(Buffer.from(words ?? [])).toEqual(Buffer.concat(hashed))
  expect(prompts?.texts.length).toBeGreaterThan(10)
  const built = probesOf({ guards: guards('words') })?.words
  expect(built).toEqual(abuseWords())
  expect(
    Buffer.from(built ?? []).includes(createHash('sha256').update('idiot').digest().subarray(0, 8)),
  ).toBe(true)
})

test('public texts leave as keyed hashes of 13 words where only training data is searched for them', () => {
  const reference = [long, 'too short to be searched for', long.toUpperCase().replaceAll(' ', '  ')]
  const { overlap, ...rest } = probesOf({ guards: guards('contamination', 'leakage'), reference }) ?? {}
  expect(rest).toEqual({})
  expect(overlap?.items).toEqual([2, 2])
  const { hashes = new Uint8Array() } = overlap ?? {}
  expect(hashes.slice(0, 16)).toEqual(hashes.slice(16)) // however it is written
  expect(probesOf({ guards: guards('leakage') })?.overlap?.items).toEqual([])
})

test('what is asked is a message that agents take', () => {
  const probes = probesOf({
    guards: guards('latency', 'words', 'repetition', 'out-of-distribution', 'contamination'),
    reference: [long],
  })
  const file = { path: 'a', sha256: 'ab'.repeat(32), sizeBytes: 1 }
  const assignment = {
    ...{ assignmentId: 'a', runId: 'r', round: 1, kind: 'evaluate', batch: 2, maxTokensEvaluated: 64 },
    ...{ base: { sha256: file.sha256, files: [file] }, adapter: { version: 1, files: [file] } },
    ...{ against: { version: 0, files: [file] }, data: { format: 'text', maxTokens: 32, holdout: 0.1 } },
    ...{ deadlineMs: 1000, probes },
  }
  expect(parseAssignment(assignment)).toEqual(assignment)
  const { prompts: _, ...promptless } = probes ?? {}
  expect(() => parseAssignment({ ...assignment, probes: promptless })).toThrow('expected prompts')
})
