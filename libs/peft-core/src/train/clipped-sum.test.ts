import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { startEngine } from '../runtime/engine.js'
import { readBatch } from './batch-file.js'
import { sumClipped } from './clipped-sum.js'
import { splitRows } from './split-rows.js'

const golden = fileURLToPath(new URL('../../golden/llama', import.meta.url)) // made by golden/make_golden.py

test('one example more or less changes the sum of a step by its clipped gradient, at most the clip, whatever the others are', async () => {
  const [whole, { config, tensors }] = await Promise.all([
    readBatch(`${golden}/batch.safetensors`),
    readAdapter(`${golden}/adapter`),
  ])
  const rows: (typeof whole)[] = []
  for await (const row of splitRows([whole], whole.rows)) rows.push(row)
  const frozen = [...tensors.keys()].filter((name) => name.includes('lora_A'))
  const spec = { model: `${golden}/model`, config, rows: 1, columns: whole.columns } as const
  await using engine = await startEngine({ runtime: 'ort', device: 'cpu', threads: 1 })
  await engine.open({ ...spec, trainable: 'adapter', purpose: 'evaluate' })
  const sumOf = (batches: typeof rows, clip: number) =>
    sumClipped(engine, { tensors, batches, step: 1, clip, frozen })
  const between = async (batches: typeof rows, clip: number, left: number): Promise<number> => {
    const [all, less] = [await sumOf(batches, clip), await sumOf(batches.toSpliced(left, 1), clip)]
    return Math.hypot(...[...all].flatMap(([name, sum]) => [...sum.map((x, at) => x - less.get(name)![at]!)]))
  }
  const norms = await Promise.all(rows.slice(0, 2).map((row) => between([row], 1e6, 0))) // of what is not clipped
  const clip = Math.min(...norms) * 0.75
  const repeated = [...rows, ...rows, ...rows]
  for (const left of [0, 1, repeated.length - 1])
    expect(await between(repeated, clip, left)).toBeCloseTo(clip, 5)
  const longest = Math.max(...norms) * 1.5
  expect(await between(repeated, longest, 0)).toBeCloseTo(norms[0]!, 5)
  const none = await sumOf([], clip)
  expect([...none.keys()]).toEqual([...tensors.keys()].filter((name) => !frozen.includes(name)))
  for (const sum of none.values()) expect(Math.max(...sum.map(Math.abs))).toBe(0)
})
