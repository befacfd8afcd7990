import type { Adapter } from '@lorica/peft-core'
import { createPeftConfig } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { differenceLines, distance } from './release-diff.js'

const config = createPeftConfig({
  method: 'lora',
  rank: 1,
  alpha: 2,
  targets: ['q_proj', 'v_proj'],
  rslora: false,
})
const adapter = (q: readonly [number[], number[]], v: readonly [number[], number[]]): Adapter => ({
  config,
  tensors: new Map(
    [
      ['q_proj', q],
      ['v_proj', v],
    ].flatMap(([module, [a, b]]) => [
      [
        `base_model.model.layers.0.${module}.lora_A.weight`,
        { shape: [1, 2], data: Float32Array.from(a as number[]) },
      ],
      [
        `base_model.model.layers.0.${module}.lora_B.weight`,
        { shape: [2, 1], data: Float32Array.from(b as number[]) },
      ],
    ]) as [string, Adapter['tensors'] extends ReadonlyMap<string, infer T> ? T : never][],
  ),
})

test('how far two adapters are from each other in the model, by hand', async () => {
  // scaling 2: q adds 2 (1, 2)' (3, 4), v adds 2 (0, 1)' (1, 0); then q adds 2 (1, 2)' (3, 5), and v the same by other factors
  const from = adapter(
    [
      [3, 4],
      [1, 2],
    ],
    [
      [1, 0],
      [0, 1],
    ],
  )
  const to = adapter(
    [
      [3, 5],
      [1, 2],
    ],
    [
      [2, 0],
      [0, 0.5],
    ],
  )
  const found = await distance(from, to)
  const q = 2 * Math.sqrt(5) * 5
  expect(found.norm).toBeCloseTo(Math.sqrt(q ** 2 + 4), 9)
  expect(found.difference).toBeCloseTo(2 * Math.sqrt(5), 9)
  expect(found.relative).toBeCloseTo((2 * Math.sqrt(5)) / Math.sqrt(q ** 2 + 4), 9)
  expect(found.modules.map(({ module, norm, difference }) => [module, norm, difference])).toEqual([
    [expect.stringContaining('q_proj'), expect.closeTo(q, 9), expect.closeTo(2 * Math.sqrt(5), 9)],
    [expect.stringContaining('v_proj'), expect.closeTo(2, 9), expect.closeTo(0, 9)],
  ])
  const lines = differenceLines({
    from: 'v1',
    to: 'v2',
    facts: [{ what: 'round', from: '1', to: '2' }],
    ...found,
  })
  expect(lines.join('\n')).toContain('v1 adds 22.45 (L2 over all weights), v2 is 4.472 from it, 19.9 %')
})
