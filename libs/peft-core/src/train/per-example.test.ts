import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import type { TensorMap } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { gradientName } from '../differentiate/backward.js'
import { CLIP, NORMS } from '../differentiate/per-example.js'
import type { Graph } from '../graph/graph.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import type { GraphRequest } from '../runtime/training-graph.js'
import { type Batch, batchSize } from './batch.js'
import { readBatch } from './batch-file.js'
import { buildTrainingGraph } from './graph.js'
import { splitRows } from './split-rows.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

interface Case {
  readonly batch: Batch
  readonly tensors: TensorMap
  readonly request: (batch: Batch) => GraphRequest
}

async function openCase(name: string, model = 'model'): Promise<Case> {
  const folder = `${golden}/${name}`
  const [batch, { config, tensors }] = await Promise.all([
    readBatch(`${folder}/batch.safetensors`),
    readAdapter(`${folder}/adapter`),
  ])
  const spec = { model: `${folder}/${model}`, config, trainable: 'adapter', purpose: 'train' } as const
  return { batch, tensors, request: (given) => ({ ...spec, ...batchSize(given) }) }
}

type Outputs = ReadonlyMap<string, { readonly data: Feed }>

async function run(graph: Graph, tensors: TensorMap, batch: Batch, clip?: number): Promise<Outputs> {
  const session = await ort.open(graph)
  const feeds = batchFeeds(graph, tensors, batch)
  if (clip !== undefined) feeds.set(CLIP, Float32Array.of(clip))
  const outputs = await session.run(feeds)
  await session.close()
  return outputs
}

/** The clipped sum of a batch by name, and the norms. */
async function clipped(
  { request, tensors }: Case,
  batch: Batch,
  clip: number,
  frozen: readonly string[] = [],
) {
  const { graph } = await buildTrainingGraph({ ...request(batch), byExample: { frozen } })
  const outputs = await run(graph, tensors, batch, clip)
  const trained = [...tensors.keys()].filter((name) => !frozen.includes(name))
  const sums = new Map(trained.map((name) => [name, outputs.get(gradientName(name))?.data as Feed]))
  return { sums, norms: outputs.get(NORMS)?.data as Feed }
}

/** The same from ordinary gradients of batches of one row. */
async function clippedOneByOne(
  { request, tensors, batch }: Case,
  clip: number,
  frozen: readonly string[] = [],
) {
  const trained = [...tensors.keys()].filter((name) => !frozen.includes(name))
  const sums = new Map(trained.map((name) => [name, new Float64Array(tensors.get(name)?.data.length ?? 0)]))
  const norms: number[] = []
  for await (const row of splitRows([batch], batch.rows)) {
    const { graph } = await buildTrainingGraph(request(row))
    const outputs = await run(graph, tensors, row)
    const gradients = trained.map((name) => [name, outputs.get(gradientName(name))?.data as Feed] as const)
    const norm = Math.hypot(...gradients.flatMap(([, data]) => [...data]))
    norms.push(norm)
    for (const [name, data] of gradients) {
      const sum = sums.get(name) as Float64Array
      for (const [at, value] of data.entries())
        sum[at] = (sum[at] as number) + value * Math.min(1, clip / norm)
    }
  }
  return { sums, norms }
}

const normOf = (numbers: Iterable<number>): number => Math.hypot(...numbers)
const relativeError = (a: Feed, b: ArrayLike<number>): number =>
  normOf(Float64Array.from(b, (x, at) => (a[at] as number) - x)) / normOf(Float64Array.from(b))

describe.each(['gpt2', 'llama', 'bert', 'vit'])('the clipped sum of the examples of %s', (name) => {
  it('is that of PyTorch and PEFT', async () => {
    const wanted = await readSafetensors(`${golden}/${name}/per-example.safetensors`) // made by golden/make_per_example.py
    const numbers = (key: string) => {
      const tensor = wanted.get(key)
      if (tensor === undefined) throw new RangeError(`no "${key}"`)
      return floatTensor(tensor).data
    }
    const given = await openCase(name)
    const { sums, norms } = await clipped(given, given.batch, numbers('clip')[0] as number)
    expect(relativeError(norms, numbers('norms'))).toBeLessThan(1e-5)
    for (const [key, sum] of sums) expect(relativeError(sum, numbers(key)), key).toBeLessThan(1e-5)
    expect(wanted.size).toBe(sums.size + 2)
  })
})

test.each([
  ['neox-small', 'model'],
  ['phi3-long', 'model'],
  ['gpt2', 'onnx/model.onnx'],
  ['bert', 'torchscript/model.onnx'],
  ['distilbert', 'model'],
])('the clipped sum of %s, from %s, is that of batches of one row clipped by hand', async (name, model) => {
  const given = await openCase(name, model)
  const frozen = [...given.tensors.keys()].filter((key) => key.includes('lora_A')).slice(1)
  const clip = 1.25
  const [found, wanted] = [
    await clipped(given, given.batch, clip, frozen),
    await clippedOneByOne(given, clip, frozen),
  ]
  expect(relativeError(found.norms, wanted.norms)).toBeLessThan(1e-5)
  for (const [key, sum] of wanted.sums)
    expect(relativeError(found.sums.get(key) as Feed, sum), key).toBeLessThan(1e-5)
})

test('taking one example away changes the sum by at most the bound, and what others gave stays', async () => {
  const given = await openCase('llama')
  const clip = 0.03
  const whole = await clipped(given, given.batch, clip)
  for (let gone = 0; gone < given.batch.rows; gone++) {
    const labels = given.batch.labels.slice()
    const columns = labels.length / given.batch.rows
    labels.fill(-100, gone * columns, (gone + 1) * columns)
    const less = await clipped(given, { ...given.batch, labels }, clip)
    const change = [...whole.sums].flatMap(([name, sum]) =>
      Array.from(sum, (value, at) => value - (less.sums.get(name)?.[at] as number)),
    )
    expect(normOf(change)).toBeLessThanOrEqual(clip * (1 + 1e-5))
    expect(normOf(change)).toBeGreaterThan(clip * 0.999) // its norm was above the bound
    expect(less.norms[gone]).toBe(0)
    for (const row of [0, 1, 2].filter((other) => other !== gone))
      expect(less.norms[row]).toBeCloseTo(whole.norms[row] as number, 5)
  }
})

test('an example counts as much however many tokens the others have', async () => {
  const given = await openCase('gpt2')
  const labels = given.batch.labels.slice()
  const columns = labels.length / given.batch.rows
  labels.fill(-100, columns + 3) // the second row has two labels left, the third none
  const { norms } = await clipped(given, { ...given.batch, labels }, 1)
  const { norms: whole } = await clipped(given, given.batch, 1)
  expect(norms[0]).toBeCloseTo(whole[0] as number, 5)
  expect(norms[2]).toBe(0)
})

test.each([
  ['mixtral-small', 'TopK'],
  ['gpt2-saved', 'modules_to_save'],
  ['gpt2-dora', 'use_dora'],
  ['gpt2-bias', 'lora_bias'],
  ['gpt2-embedding', 'Gather'],
  ['llama-ia3', 'ia3'],
])('what is not told apart by example is refused: %s', async (name, what) => {
  const { request, batch } = await openCase(name)
  const building = buildTrainingGraph({ ...request(batch), byExample: { frozen: [] } })
  await expect(building).rejects.toThrow(new RegExp(what))
})
