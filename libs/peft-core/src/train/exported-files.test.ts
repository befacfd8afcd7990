import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { createPeftConfig } from '../adapter/peft-config.js'
import { gradientName } from '../differentiate/backward.js'
import { type Graph, sizeOf, type Value } from '../graph/graph.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import { openModel } from '../source/model.js'
import { buildTrainingGraph } from './graph.js'

const fixtures = process.env.LORICA_FIXTURES
const folder = join(fixtures ?? '', 'fixtures/onnx')

/** Models that other tools exported, and the sizes to train them at. */
const trained = [
  ['bert_dummy_notypeids_pt1.12_op12.onnx', { rows: 2, columns: 5 }],
  ['bert_dummy_pt1.7_op12.onnx', { rows: 2, columns: 5 }],
  ['bert_mlm_vocab30522_pt1.12_op12.onnx', { rows: 1, columns: 4 }],
  ['bert_toy_mlm_nsp_5layer_pt1.1_op12.onnx', { rows: 2, columns: 6 }],
  ['cct_2_32_32_128_op20/network.onnx', { rows: 1, columns: 0 }],
  ['distilbert_seqcls_tiny_pt1.10_op11.onnx', { rows: 3, columns: 5 }],
  ['gpt2_tiny_random_fused_contrib_op11.onnx', { rows: 2, columns: 5 }],
  ['mlp_mnist_pt1.13_op14.onnx', { rows: 3, columns: 0 }],
  ['ort_lora/two_params_lora_model.onnx', { rows: 4, columns: 0 }],
] as const

const headless =
  /^expected an output "logits" to compute a loss from, got .*; export the model with its head$/
const features = /^the model has an input "\w+", float32 \(.*\); a batch gives input_ids, attention_mask/

/** Models that cannot be trained, and why. */
const refused = [
  ['attention_distilbert_pattern_op12.onnx', features],
  ['attention_mask2d_pt1.5_op11.onnx', features],
  ['attention_past_state_pt1.5_op11.onnx', features],
  ['bart_like_encoder_pt1.13_op12.onnx', headless],
  ['bart_self_attention_op12.onnx', features],
  ['bert_tiny_pooler_pt1.8_op11.onnx', headless],
  [
    'cct_2_32_32_128_op12/network.onnx',
    /^Gemm ".*" with inputs float32\(1, 64, 128\).*expected two matrices$/,
  ],
  [
    'gpt2_megatron_1layer_past_pt1.9_op12.onnx',
    /^input "attention_mask" expects the shape \(batch_size, 1, 64, 64\), got/,
  ],
  ['llama_tiny_export_dynamic_pt2.4_op18.onnx', headless],
  ['megatron_self_attention_op12.onnx', features],
] as const

/** Numbers between -1 and 1 that look random and are the same in every run. */
const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453
    return 2 * (wave - Math.floor(wave)) - 1
  })

/** What an input of the graph is fed; the second factors of the adapter are zero when `idle`. */
function feed({ name, shape, element }: Value, at: number, idle: boolean): Feed {
  const count = sizeOf(shape)
  if (name === 'attention_mask' || name === 'token_type_ids')
    return new Int32Array(count).fill(name === 'attention_mask' ? 1 : 0)
  if (name === 'position_ids') return Int32Array.from({ length: count }, (_, k) => k % (shape[1] as number))
  if (element !== 'float32') return Int32Array.from({ length: count }, (_, k) => (1 + 5 * k) % 2)
  if (name === 'pixel_values') return noise(count, at)
  return noise(count, at).map((x) => (idle && name.includes('lora_B') ? 0 : 0.05 * x))
}

async function trainingGraph(model: string, size: { readonly rows: number; readonly columns: number }) {
  const config = createPeftConfig({ method: 'lora', rank: 2, alpha: 4, targets: 'all-linear', rslora: false })
  return await buildTrainingGraph({ model, config, ...size, trainable: 'adapter', purpose: 'train' })
}

async function losses(graph: Graph, all: readonly ReadonlyMap<string, Feed>[]) {
  const session = await ort.open(graph)
  const results: ReadonlyMap<string, Feed>[] = []
  for (const feeds of all) {
    const values = await session.run(feeds)
    results.push(new Map([...values].map(([name, { data }]) => [name, data])))
  }
  await session.close()
  return results
}

describe.skipIf(fixtures === undefined)('files that other tools exported (needs LORICA_FIXTURES)', () => {
  test.each(trained)(
    '%s trains: its loss is that of the file, its gradient what differences measure',
    async (name, size) => {
      const file = join(folder, name)
      const { graph, parameters } = await trainingGraph(file, size)
      const feeds = (idle: boolean) =>
        new Map(graph.inputs.map((value, at) => [value.name, feed(value, at, idle)] as const))
      const given = feeds(false)
      const directions = new Map(
        parameters.map(({ name: key, shape }, at) => [key, noise(sizeOf(shape), 50 + at)]),
      )
      const moved = (step: number): ReadonlyMap<string, Feed> =>
        new Map(
          [...given].map(([key, data]) => {
            const direction = directions.get(key)
            return [
              key,
              direction === undefined
                ? data
                : Float32Array.from(data, (x, at) => x + step * (direction[at] as number)),
            ]
          }),
        )
      const step = 5e-4
      const [idle, here, up, down] = await losses(graph, [feeds(true), given, moved(step), moved(-step)])
      const lossOf = (values: ReadonlyMap<string, Feed> | undefined): number =>
        values?.get('loss')?.[0] ?? Number.NaN
      expect(lossOf(idle)).toBeCloseTo(await fileLoss(file, graph, feeds(true)), 4)
      const slope = parameters.reduce((sum, { name: key }) => {
        const gradient = here?.get(gradientName(key)) as Feed
        return (
          sum +
          (directions.get(key) as Float32Array).reduce((so, x, at) => so + x * (gradient[at] as number), 0)
        )
      }, 0)
      const measured = (lossOf(up) - lossOf(down)) / (2 * step)
      expect(Math.abs(slope)).toBeGreaterThan(1e-4)
      expect(Math.abs(slope - measured)).toBeLessThan(0.01 * Math.abs(measured) + 2e-3)
    },
  )

  test.each(refused)('%s is refused', async (name, reason) => {
    const attempt = openModel(join(folder, name))
    await expect(attempt).rejects.toThrow(reason)
    await expect(attempt).rejects.not.toThrow(/\n/)
  })
})

/** The cross-entropy of the logits that onnxruntime computes from the file itself. */
async function fileLoss(file: string, graph: Graph, feeds: ReadonlyMap<string, Feed>): Promise<number> {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 })
  const aliases: Readonly<Record<string, string>> = {
    input_mask: 'attention_mask',
    'input-0': 'pixel_values',
    input: 'pixel_values',
    input_x: 'pixel_values',
  }
  const { rows, columns } = sizesOf(graph)
  const inputs = session.inputNames.flatMap((name): readonly (readonly [string, Tensor])[] => {
    const metadata = session.inputMetadata.find((value) => value.name === name)
    const type = metadata?.isTensor === true ? metadata.type : 'float32'
    const data = feeds.get(aliases[name] ?? name)
    if (/^past/.test(name))
      return [[name, new Tensor('float32', new Float32Array(0), [2, rows, 4, 0, 8])] as const]
    if (data === undefined) return []
    const value = graph.inputs.find((input) => input.name === (aliases[name] ?? name))
    const shape = value?.shape ?? [rows, columns]
    if (type === 'int64')
      return [[name, new Tensor('int64', BigInt64Array.from(Array.from(data, BigInt)), shape)] as const]
    if (type === 'int32') return [[name, new Tensor('int32', Int32Array.from(data), shape)] as const]
    return [[name, new Tensor('float32', Float32Array.from(data), shape)] as const]
  })
  const results = await session.run(Object.fromEntries(inputs))
  await session.release()
  const logits = results[session.outputNames.find((name) => /logits|scores|output/.test(name)) ?? '']
  return crossEntropy(logits as Tensor, feeds.get('labels') as Feed, graph)
}

function sizesOf(graph: Graph): { readonly rows: number; readonly columns: number } {
  const shape = graph.inputs.find(({ name }) => name === 'input_ids')?.shape ?? []
  return { rows: shape[0] ?? 0, columns: shape[1] ?? 0 }
}

function crossEntropy(logits: Tensor, labels: Feed, graph: Graph): number {
  const classes = logits.dims.at(-1) as number
  const data = logits.data as Float32Array
  const isCausal = logits.dims.length === 3 && graph.inputs.some(({ name }) => name === 'position_ids')
  const columns = logits.dims.length === 3 ? (logits.dims[1] as number) : 1
  const terms = Array.from({ length: data.length / classes }, (_, at) => {
    const label = labels[isCausal ? at + 1 : at]
    if (label === undefined || (isCausal && (at + 1) % columns === 0)) return undefined
    const row = data.subarray(at * classes, (at + 1) * classes)
    const most = row.reduce((a, b) => Math.max(a, b))
    return most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - (row[label] as number)
  }).filter((term) => term !== undefined)
  return terms.reduce((a, b) => a + b, 0) / terms.length
}
