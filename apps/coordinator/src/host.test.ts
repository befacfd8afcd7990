import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Adapter, createAdapter } from '@lorica/peft-core'
import { parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemHost } from './host.js'
import { writeModel } from './model.fixture.js'

test('a run may start from frozen factors along the weights: other rows than at random, whatever its seed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-host-'))
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  const model = await writeModel(folder)
  const { models } = systemHost()
  const startOf = (start: 'random' | 'principal', seed: number): Promise<Adapter> => {
    const { peft } = parseRunSpec({
      ...{ name: 'tone', base: { model }, data: { maxTokens: 16 }, peft: { rank: 2, alpha: 4, start } },
      local: { steps: 1, batch: 2, learningRate: 0.1 },
      ...{ rounds: { count: 1, minimum: 1 }, aggregate: { strategy: 'ffa' } },
    })
    return models.firstAdapter(model, peft, seed)
  }
  const [principal, again, random] = await Promise.all([
    startOf('principal', 5),
    startOf('principal', 6),
    startOf('random', 5),
  ])
  expect(random).toEqual(
    await createAdapter(
      model,
      { method: 'lora', rank: 2, alpha: 4, targets: 'all-linear', rslora: false },
      5,
    ),
  )
  expect([...principal.tensors.keys()]).toEqual([...random.tensors.keys()])
  for (const [name, { shape, data }] of principal.tensors) {
    if (name.includes('.lora_B.')) {
      expect(data.every((value) => value === 0)).toBe(true)
      continue
    }
    const width = shape[1] as number
    const rowOf = ({ tensors }: Adapter, row: number) => [
      ...tensors.get(name)!.data.subarray(row * width, (row + 1) * width),
    ]
    const dot = (one: readonly number[], other: readonly number[]) =>
      one.reduce((sum, value, at) => sum + value * other[at]!, 0)
    const [first, second] = [rowOf(principal, 0), rowOf(principal, 1)]
    expect([dot(first, first), dot(second, second)].map((square) => square.toFixed(4))).toEqual([
      '1.0000',
      '1.0000',
    ])
    expect(dot(first, second)).toBeCloseTo(0, 4)
    expect(Math.abs(dot(first, rowOf(again, 0)))).toBeCloseTo(1, 2)
    const other = rowOf(random, 0)
    expect(Math.abs(dot(first, other)) / Math.hypot(...other)).toBeLessThan(0.99)
  }
})
