import type { Lineage, ReleaseManifest } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { cardOf } from './card.js'

const lineage: Lineage = {
  parents: [{ name: 'v2', id: 'aa'.repeat(32) }],
  rounds: { done: 3, planned: 4 },
  sites: { round: 2, run: 3 },
  settings: {
    ...{ sha256: 'bb'.repeat(32), seed: 41, method: 'lora', rank: 8, alpha: 16, rslora: false },
    ...{ targets: ['q_proj', 'v_proj'], modulesToSave: [], format: 'chat', maxTokens: 1024 },
    ...{ steps: 20, batch: 4, learningRate: 1e-3, optimizer: 'adamw', strategy: 'fedavg', trust: 'exact' },
  },
  aggregation: {
    ...{ exact: false, error: 0.0123, norm: 2.5, change: 0.5, agreement: { mean: 0.71, least: 0.42 } },
    ...{ rule: null, notes: ['1 of 2 agents trained a lower rank: beyond it they count as zeros'] },
  },
  before: { baseline: 3.25, parent: 2.625 },
  software: {
    coordinator: 'lorica/0.1.0',
    node: 'v20.20.2',
    agents: ['lorica/0.0.9', 'lorica/0.1.0'],
    devices: ['cpu'],
  },
}
const manifest: ReleaseManifest = {
  ...{ schema: 2, version: 3, name: 'v3', runId: 'tone-1', runName: 'tone', round: 3, parent: 'v2' },
  base: { sha256: 'cd'.repeat(32), name: 'smol|135`m\n# x' },
  files: [],
  contributions: [],
  evaluation: {
    ...{ loss: 2.5, tokens: 12_000 },
    guards: [
      {
        ...{ metric: 'words', of: 'each', mode: 'dry-run', verdict: 'pass', value: 0.0625, before: 0.125 },
        ...{ allowed: 0.05, interval: null, examples: 16, text: 'words 6.3%, before 12.5%' },
      },
    ],
    perAgent: [
      { agentId: 'e'.repeat(32), loss: 2.75, tokens: 9000 },
      { agentId: 'f'.repeat(32), loss: 1.75, tokens: 3000 },
    ],
  },
  lineage,
  ...{ createdAt: '2026-03-04T05:06:07Z', software: 'lorica/0.1.0', coordinatorPublicKey: 'k'.repeat(43) },
}
const id = '12'.repeat(32)

test('the front matter is what a hub reads, and says what the text says', () => {
  const { data, text } = cardOf(manifest, id)
  const [, matter = ''] = text.split('---\n')
  expect(parse(matter)).toEqual(data)
  expect(data).toMatchObject({
    base_model: manifest.base.name,
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    'model-index': [{ results: [{ metrics: [{ type: 'loss', value: 2.5 }] }] }],
  })
})

test('a card says how, by how many, how well, and what is not promised', () => {
  const { text } = cardOf(manifest, id)
  for (const line of [
    '# tone v3',
    'A LoRA adapter of `smol|135 m # x`, trained across 3 sites with Lorica.',
    '| Rounds | 3 of 4 |',
    '| Sites | 2 in this round, 3 over the run |',
    '| Adapter | rank 8, alpha 16, on q_proj, v_proj |',
    '| Data | chat, rows of 1,024 tokens |',
    '| Each site, each round | 20 steps of 4 rows, adamw, learning rate 0.001 |',
    '| Distance from the exact mean | 1.2 % |',
    '| Agreement of the sites | mean cosine 0.710, least 0.420 |',
    '- 1 of 2 agents trained a lower rank: beyond it they count as zeros',
    'No differential privacy is promised',
    '| Base model | 3.2500 |\n| What it replaces | 2.6250 |\n| **This release** | 2.5000 |',
    'Over 12,000 held-out tokens of 2 sites',
    'between 1.7500 and 2.7500',
    '| words of each | pass (dry run): words 6.3%, before 12.5% |',
    `| Release | v3, manifest ${id} |`,
    '| Continues | v2 (aaaaaaaaaaaaaaaa…) |',
    '| Base | smol\\|135`m # x (cdcd',
    '| Software | lorica/0.1.0, lorica/0.0.9, v20.20.2 |',
  ])
    expect(text).toContain(line)
  expect(text.match(/^# /gm)).toHaveLength(1) // what others named does not become a heading
})

test('a card of a private release has the promise and no loss, and an old manifest is enough', () => {
  const privacy: ReleaseManifest['privacy'] = {
    ...{
      unit: 'site',
      adjacency: 'zero-out',
      epsilon: 3.75,
      delta: 1e-5,
      accountant: 'gaussian',
      order: null,
    },
    ...{ noise: 'server', noiseMultiplier: 4, rounds: 3, spent: 4.5 },
  }
  const evaluation = { loss: null, tokens: 0, perAgent: [] }
  const { lineage: _, ...old } = { ...manifest, schema: 1 as const, privacy, evaluation }
  const { text, data } = cardOf(old, id)
  expect(data).not.toHaveProperty('model-index')
  expect(text).toContain('(3.75, 0.00001)-private for each site')
  expect(text).toContain('What sites measure tells of their data')
  expect(text).not.toContain('held-out loss')
  expect(text).toContain('Round 3 of the run tone.')
})
