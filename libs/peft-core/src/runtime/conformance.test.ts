/**
 * The same graphs and the same numbers for every runtime: ONNX's own cases of one operator each, and the training graphs
 * of the golden cases.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { floatTensor } from '../adapter/values.js'
import { gradientName } from '../differentiate/backward.js'
import type { Element } from '../graph/graph.js'
import { UnsupportedOperators } from '../graph/onnx-error.js'
import { batchSize } from '../train/batch.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import { startEngine } from './engine.js'
import { batchFeeds } from './feeds.js'
import { eachNodeCase, type NodeCase } from './node-cases.fixture.js'
import { ort } from './ort.js'
import { probeDevice } from './probe.js'
import { reference } from './reference.js'
import type { Feed, Runtime } from './runtime.js'
import { createTfjs, unsupportedByTfjs } from './tfjs.js'

const tfjs = createTfjs(tf)

/** A GPU is not on every machine: LORICA_WEBGPU=gpu, or =software for one that the processor emulates. */
const webgpu = process.env.LORICA_WEBGPU
const onWebgpu: Runtime = { open: (graph, options) => ort.open(graph, { ...options, device: 'webgpu' }) }

/** How far a result may be from the expected one: `absolute` + `relative` |expected|. */
const tolerances: Partial<
  Readonly<Record<Element, { readonly relative: number; readonly absolute: number }>>
> = {
  float64: { relative: 1e-5, absolute: 1e-6 },
  float32: { relative: 1e-5, absolute: 1e-6 },
  float16: { relative: 2e-3, absolute: 1e-3 },
  bfloat16: { relative: 2e-2, absolute: 1e-2 },
}

function isClose(actual: number | undefined, expected: number, element: Element): boolean {
  if (actual === undefined) return false
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return true
  const { relative, absolute } = tolerances[element] ?? { relative: 0, absolute: 0 }
  return Math.abs(actual - expected) <= absolute + relative * Math.abs(expected)
}

/** Cases whose expected numbers ONNX states with four digits. */
const statedInFourDigits: ReadonlySet<string> = new Set([
  'test_averagepool_2d_ceil_last_window_starts_on_pad',
])

/** What is wrong with a runtime's outputs for a case; '' when nothing is. */
async function faultOf(runtime: Runtime, { name: title, graph, feeds, expected }: NodeCase): Promise<string> {
  const session = await runtime.open(graph)
  const values = await session.run(feeds)
  await session.close()
  for (const [index, { name, element }] of graph.outputs.entries()) {
    const [actual, wanted] = [values.get(name)?.data, expected[index]?.data ?? new Float64Array()]
    const digits = statedInFourDigits.has(title) ? 'float16' : element
    const at = wanted.findIndex((x, flat) => !isClose(actual?.[flat], x, digits))
    if (at >= 0) return `output ${index} at ${at}: expected ${wanted[at]}, got ${actual?.[at]}`
  }
  return ''
}

interface Tally {
  readonly claimed: number
  readonly faults: readonly string[]
}

async function tally(
  cases: readonly NodeCase[],
  faultOfCase: (one: NodeCase) => string | Promise<string>,
): Promise<Tally> {
  const faults: string[] = []
  for (const one of cases) {
    const fault = await Promise.resolve()
      .then(() => faultOfCase(one))
      .catch(String)
    if (fault !== '') faults.push(`${one.name}: ${fault}`)
  }
  return { claimed: cases.length, faults }
}

const fixtures = process.env.LORICA_FIXTURES
const archive = join(fixtures ?? '', 'fixtures/onnx_node/onnx_backend_node_tests_6be0677f.tar.gz')

describe.skipIf(fixtures === undefined || !existsSync(archive))(
  'the ONNX node cases (LORICA_FIXTURES)',
  () => {
    const cases: NodeCase[] = []
    const faults: string[] = []
    const unclaimed = new Map<string, number>()
    let total = 0

    it('are read, and what is not claimed is refused by name', () => {
      eachNodeCase(archive, (name, load) => {
        total++
        try {
          cases.push(load())
        } catch (error) {
          const titles = refusalsOf(error)
          for (const title of titles) unclaimed.set(title, (unclaimed.get(title) ?? 0) + 1)
          if (titles.length === 0) faults.push(`${name}: ${error}`)
        }
      })
      const list = [...unclaimed].sort(([, a], [, b]) => b - a).map(([title, count]) => `${title} ${count}`)
      console.log(`ONNX node cases: ${cases.length} of ${total} claimed; not claimed: ${list.join(', ')}`)
      expect(faults).toEqual([])
      expect(total).toBe(1802)
      expect(cases.length).toBeGreaterThanOrEqual(994)
    })

    it('have the types that our operators infer', async () => {
      const inferred = await tally(cases, ({ graph, expected }) => {
        const types = (values: readonly { element: Element; shape: readonly number[] }[]): string =>
          values.map(({ element, shape }) => `${element}(${shape.join(', ')})`).join(' ')
        return types(graph.outputs) === types(expected)
          ? ''
          : `expected ${types(expected)}, inferred ${types(graph.outputs)}`
      })
      report('inference', inferred)
    })

    it('pass in the float64 reference', async () => {
      report('reference', await tally(cases, (one) => faultOf(reference, one)))
    })

    it('pass in TensorFlow.js where it has the kernels', async () => {
      const held = cases.filter(({ graph }) => unsupportedByTfjs(graph).length === 0)
      report('tfjs', await tally(held, (one) => faultOf(tfjs, one)))
      expect(held.length).toBeGreaterThanOrEqual(930)
      expect(tf.memory().numTensors).toBe(0)
    })

    it('pass in onnxruntime where a training graph would use the elements', async () => {
      const used = cases.filter(({ graph }) =>
        [...graph.types.values()].every(({ element }) => /^(?:float32|int64|int32|bool)$/.test(element)),
      )
      report('onnxruntime cpu', await tally(used, (one) => faultOf(ort, one)))
    })

    it.skipIf(webgpu === undefined)('pass on WebGPU, one of eight of them (LORICA_WEBGPU)', async () => {
      const used = cases.filter(({ graph }) =>
        [...graph.types.values()].every(({ element }) => /^(?:float32|int64|int32|bool)$/.test(element)),
      )
      const some = used.filter((_, index) => index % 8 === 0)
      report('onnxruntime webgpu', await tally(some, (one) => faultOf(onWebgpu, one)))
    })

    function report(what: string, { claimed, faults }: Tally): void {
      console.log(`${what}: ${claimed - faults.length} of ${claimed} cases pass`)
      expect(faults).toEqual([])
    }
  },
)

const refusals =
  /operator set \d+|(?:ONNX data|element) type (?:number )?\d+|of strings|a sequence|a optional|in training mode|the indices of|depends on the data|\w+ as an output/

/** What a refused case uses that Lorica does not claim, in a few words; none when it was not refused but failed. */
function refusalsOf(error: unknown): readonly string[] {
  if (error instanceof UnsupportedOperators) return error.operators.map(({ operator }) => operator)
  const reason = refusals.exec(String(error))?.[0]
  return reason === undefined ? [] : [reason]
}

const golden = fileURLToPath(new URL('../../golden', import.meta.url))
const goldenCases = readdirSync(golden).filter((name) => existsSync(join(golden, name, 'expected.json')))

/** |a - b| / |b| */
function relativeError(a: Feed | undefined, b: Feed): number {
  const norm = (numbers: Float64Array): number => Math.hypot(...numbers)
  return norm(Float64Array.from(b, (x, at) => (a?.[at] ?? Number.NaN) - x)) / norm(Float64Array.from(b))
}

const runtimes: Readonly<Record<string, Runtime>> = {
  'TensorFlow.js': tfjs,
  ...(webgpu === undefined ? {} : { 'onnxruntime webgpu (LORICA_WEBGPU)': onWebgpu }),
}

it.skipIf(webgpu === undefined)(
  'WebGPU runs in an engine, which says what it is (LORICA_WEBGPU)',
  async () => {
    const choice = { runtime: 'ort', device: 'webgpu' } as const
    await using engine = await startEngine({ ...choice, allowSoftwareGpu: webgpu === 'software' })
    expect(engine.facts.emulator !== undefined).toBe(webgpu === 'software')
    const strict = await probeDevice(choice, 60_000)
    expect(strict.usable).toBe(webgpu !== 'software')
  },
)

const training = { trainable: 'adapter', purpose: 'train' } as const

describe.each(Object.entries(runtimes))('%s', (_, runtime) => {
  it.each(goldenCases)('gives the loss and the gradients of PyTorch and PEFT for %s', async (name) => {
    const folder = join(golden, name)
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { loss: number }
    const batch = await readBatch(join(folder, 'batch.safetensors'))
    const { config, tensors } = await readAdapter(join(folder, 'adapter'))
    const form = existsSync(join(folder, 'model')) ? 'model' : 'onnx/model.onnx'
    const request = { model: join(folder, form), config, ...batchSize(batch), ...training } as const
    const { graph } = await buildTrainingGraph(request)
    const session = await runtime.open(graph)
    const values = await session.run(batchFeeds(graph, tensors, batch))
    await session.close()
    expect(Math.abs((values.get('loss')?.data[0] ?? Number.NaN) - expected.loss)).toBeLessThan(1e-5)
    for (const [key, gradient] of await readSafetensors(join(folder, 'grads.safetensors'))) {
      const error = relativeError(values.get(gradientName(key))?.data, floatTensor(gradient).data)
      expect(error, key).toBeLessThan(2e-5)
    }
  })
})
