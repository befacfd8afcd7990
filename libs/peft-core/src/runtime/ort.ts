/**
 * Runs a graph in onnxruntime. `run` and `open` block the thread they are called on until they are done.
 * @module
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Element, Graph, Value } from '../graph/graph.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { type PackedGraph, withPackedTransfers } from './packed-transfers.js'
import { withPlainProducts } from './plain-products.js'
import { withPlainStatistics } from './plain-statistics.js'
import { type Feed, matchFeeds, type Runtime, type RuntimeOptions, type TensorData } from './runtime.js'

export interface OrtOptions extends RuntimeOptions {
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Threads wait for work in a busy loop: faster between operators, at the cost of an idle machine's processor. */
  readonly spinning?: boolean
}

/** onnxruntime, set up for little memory: see `OrtOptions` for what can be traded for speed. */
export const ort: Runtime & { open(graph: Graph, options?: OrtOptions): ReturnType<Runtime['open']> } = {
  async open(given, options = {}) {
    const { graph, pack, unpack } = options.device === 'webgpu' ? forGpu(given) : asItIs(given)
    // onnxruntime goes from what nobody reads to what it needs, the node that was written last first: written backwards,
    // the nodes run in the order of the graph.
    const { bytes, folder } = encodeOnnx({ ...graph, nodes: graph.nodes.toReversed() })
    const session = await InferenceSession.create(bytes, sessionOptions(options, folder))
    return {
      async run(feeds) {
        matchFeeds(given, feeds)
        const matched = matchFeeds(graph, pack(feeds))
        const tensors = graph.inputs.map((value, at) => [value.name, toTensor(value, matched[at] as Feed)])
        const results = await session.run(Object.fromEntries(tensors))
        return unpack(
          new Map(graph.outputs.map((value) => [value.name, fromTensor(value, results[value.name])])),
        )
      },
      close: () => session.release(),
    }
  },
}

const forGpu = (graph: Graph): PackedGraph =>
  withPackedTransfers(withPlainProducts(withPlainStatistics(graph)))

const asItIs = (graph: Graph): PackedGraph => ({
  graph,
  pack: (feeds) => feeds,
  unpack: (outputs) => outputs,
})

function sessionOptions(options: OrtOptions, folder: string | undefined): InferenceSession.SessionOptions {
  const { device = 'cpu', threads, prepacking = false, arena = true, spinning = false } = options
  return {
    executionProviders: [device],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    graphOptimizationLevel: options.rewrites === false ? 'disabled' : (options.optimization ?? 'all'),
    enableCpuMemArena: arena,
    enableMemPattern: false, // plans all activations at once: less to do per run, a higher peak
    logSeverityLevel: 3,
    extra: {
      session: {
        disable_prepacking: prepacking ? '0' : '1',
        ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
        intra_op: { allow_spinning: spinning ? '1' : '0' },
      },
    },
  }
}

function toTensor({ name, element, shape }: Value, feed: Feed): Tensor {
  switch (element) {
    case 'float32':
      return new Tensor('float32', feed instanceof Float32Array ? feed : Float32Array.from(feed), shape)
    case 'float64':
      return new Tensor('float64', Float64Array.from(feed), shape)
    case 'int64':
      return new Tensor('int64', widen(feed), shape)
    case 'int32':
      return new Tensor('int32', Int32Array.from(feed), shape)
    case 'bool':
      return new Tensor(
        'bool',
        Uint8Array.from(feed, (value) => (value === 0 ? 0 : 1)),
        shape,
      )
    default:
      throw new TypeError(
        `input "${name}" expected float32, float64, int64, int32 or bool, got ${element}; cast it in the graph`,
      )
  }
}

/** Whole numbers as int64. */
function widen(feed: Feed): BigInt64Array {
  const wide = new BigInt64Array(feed.length)
  const halves = new Int32Array(wide.buffer) // low, high, low, high (little-endian, as every platform Node runs on)
  for (let index = 0; index < feed.length; index++) {
    const value = feed[index] as number
    halves[index * 2] = value
    halves[index * 2 + 1] = value < 0 ? -1 : 0
  }
  return wide
}

function fromTensor({ name, element, shape }: Value, tensor: Tensor | undefined): TensorData {
  if (tensor === undefined) throw new TypeError(`onnxruntime gave no output "${name}"`)
  return { element, shape, data: fromData(name, element, tensor.data) }
}

function fromData(name: string, element: Element, data: Tensor['data']): TensorData['data'] {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array) return data
  if (data instanceof BigInt64Array) return Int32Array.from(data, Number)
  if (data instanceof Uint8Array) return Int32Array.from(data)
  throw new TypeError(`output "${name}" of element ${element} cannot be read; cast it in the graph`)
}
