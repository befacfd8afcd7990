/**
 * What runs a graph. Every runtime takes the same graph and gives the same numbers, up to the precision it computes in.
 * @module
 */
import { type Graph, sizeOf, type TensorType } from '../graph/graph.js'

/** The numbers of one graph input, row-major; the graph states its element and shape. Integers and booleans are Int32Array. */
export type Feed = Float32Array | Float64Array | Int32Array

/** A graph output. Floating-point data is Float32Array (Float64Array from the reference); integers and booleans are Int32Array. */
export interface TensorData extends TensorType {
  readonly data: Float32Array | Float64Array | Int32Array
}

/** 'ort': onnxruntime. 'tfjs': TensorFlow.js. */
export type RuntimeName = 'ort' | 'tfjs'

/** Where a graph runs. */
export const devices = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const
export type Device = (typeof devices)[number]

export interface RuntimeOptions {
  /** Threads of one operator; the runtime's choice when absent. */
  readonly threads?: number
  /** 'cpu' unless stated. */
  readonly device?: Device
  /** Whether the memory of a run is kept for the next, which saves up to a tenth of its time; true unless stated. */
  readonly arena?: boolean
  /** Whether frozen weights are laid out anew for speed, in memory of their own; false unless stated. */
  readonly prepacking?: boolean
  /** Whether the runtime may merge and rewrite operators; true unless stated. */
  readonly rewrites?: boolean
}

/** A graph made ready to run. */
export interface Session {
  /** Runs the graph once. Each input of the graph needs a feed of its size; RangeError names the one that does not fit. */
  run(feeds: ReadonlyMap<string, Feed>): Promise<ReadonlyMap<string, TensorData>>
  close(): Promise<void>
}

export interface Runtime {
  open(graph: Graph, options?: RuntimeOptions): Promise<Session>
}

/** The feed of every graph input, in the graph's order; RangeError when one is missing or has another size. */
export function matchFeeds(graph: Graph, feeds: ReadonlyMap<string, Feed>): readonly Feed[] {
  return graph.inputs.map(({ name, element, shape }) => {
    const feed = feeds.get(name)
    if (feed?.length === sizeOf(shape)) return feed
    const expected = `input "${name}" expected ${sizeOf(shape)} numbers of ${element}(${shape.join(', ')})`
    throw new RangeError(`${expected}; ${feed === undefined ? 'it is missing' : `got ${feed.length}`}`)
  })
}
