import type { ReleaseView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { releaseLines } from './release-lines.js'

const manifest = {
  ...{
    name: 'v3',
    runName: 'tone',
    round: 3,
    createdAt: '2026-03-04T05:06:07Z',
    coordinatorPublicKey: 'key',
  },
  base: { name: 'smol', sha256: 'cd' },
  files: [{ path: 'adapter_model.safetensors', sha256: 'ab', sizeBytes: 441_264 }],
  contributions: [
    { agentId: 'a', name: 'site-1', updateSha256: '', weight: 0.75 },
    { agentId: 'b', name: 'site-10', updateSha256: '', weight: 0.25 },
  ],
  evaluation: { loss: 3.21834, tokens: 3048, perAgent: [{ agentId: 'b', loss: 3.25, tokens: 9 }] },
  lineage: {
    ...{ parents: [{ name: 'v2', id: '' }], rounds: { done: 3, planned: 4 } },
    before: { baseline: 3.80231, parent: 3.26999 },
    settings: {
      ...{ method: 'lora', rank: 8, strategy: 'fedavg', trust: 'exact' },
      ...{ steps: 15, batch: 8, maxTokens: 128 },
    },
  },
}

test('a release is told in the words of its run, with what each agent weighs, the hashes of its files, and what to do with it', () => {
  const view = { name: 'v3', id: '12'.repeat(32), manifest } as unknown as ReleaseView
  const lines = releaseLines(view, ['champion', 'best'])
  expect(lines.slice(0, 5)).toEqual([
    'v3, also champion, best: round 3 of 4 of tone, after v2',
    '  made      2026-03-04T05:06:07Z',
    '  base      smol (sha256 cd)',
    '  trained   lora of rank 8, 15 steps of 8 x 128 tokens a round, fedavg (exact)',
    '  loss      3.2183 on 3,048 held-out tokens; 3.2700 before, 3.8023 of the base',
  ])
  expect(lines).toEqual(
    expect.arrayContaining([
      'agent     share    loss',
      'site-1   75.0 %       -',
      'site-10  25.0 %  3.2500',
      'adapter_model.safetensors  441.3 kB      ab',
      'give it to the fleet: lorica rollout start v3',
    ]),
  )
})
