/**
 * Runs a graph one operator at a time with the kernels of TensorFlow.js. A value is let go after its last use.
 * @module
 */
import { constantFromWeight } from '../graph/constant.js'
import {
  type Element,
  type Graph,
  type Node,
  sameShape,
  sizeOf,
  type TensorType,
  type Value,
  type Weight,
} from '../graph/graph.js'
import { type UnsupportedOperator, UnsupportedOperators } from '../graph/onnx-error.js'
import { type Feed, matchFeeds, type Runtime, type Session, type TensorData } from './runtime.js'
import { elementwiseContribKernels, elementwiseKernels } from './tfjs-elementwise.js'
import { gatherKernels } from './tfjs-gather.js'
import { dtypeOf, isHeld, type Kernel, type KernelCall, type Tensor, type Tfjs } from './tfjs-kernel.js'
import { productContribKernels, productKernels } from './tfjs-products.js'
import { reductionKernels, rotaryKernels } from './tfjs-reduce.js'
import { shapeKernels } from './tfjs-shapes.js'
import { windowKernels } from './tfjs-windows.js'

const standard = {
  ...elementwiseKernels,
  ...productKernels,
  ...shapeKernels,
  ...gatherKernels,
  ...reductionKernels,
  ...windowKernels,
}
const contrib = { ...elementwiseContribKernels, ...productContribKernels, ...rotaryKernels }

/**
 * A runtime on a TensorFlow.js package. It computes in float32 with 32-bit integers, whatever a graph states; `threads`,
 * `device` and the other options are the package's own affair. `open` throws UnsupportedOperators, naming all of them.
 */
export function createTfjs(tf: Tfjs): Runtime {
  return {
    async open(graph) {
      const missing = unsupportedByTfjs(graph)
      if (missing.length > 0) throw new UnsupportedOperators(missing)
      await tf.ready()
      return openSession(tf, graph)
    },
  }
}

/** The operators of a graph that have no kernel, and those on elements that TensorFlow.js does not hold. */
export function unsupportedByTfjs({ nodes, types }: Graph): readonly UnsupportedOperator[] {
  const found = new Map<string, UnsupportedOperator>()
  for (const node of nodes) {
    const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`
    const outside = [...node.inputs, ...node.outputs].find((name) => !isHeldValue(types.get(name)))
    if (kernelOf(node) !== undefined && outside === undefined) continue
    const title = outside === undefined ? operator : `${operator} on ${types.get(outside)?.element}`
    const known = found.get(title)
    const example = known?.example ?? node.name
    found.set(title, { operator: title, count: (known?.count ?? 0) + 1, example })
  }
  return [...found.values()]
}

const isHeldValue = (type: TensorType | undefined): boolean => type === undefined || isHeld(type.element)

function kernelOf({ op, domain }: Node): Kernel | undefined {
  const kernels = domain === '' ? standard : contrib
  return Object.hasOwn(kernels, op) ? kernels[op as keyof typeof kernels] : undefined
}

interface Opened {
  readonly tf: Tfjs
  readonly graph: Graph
  readonly weights: Map<string, Tensor>
  /** For each node, the values that nothing needs after it. */
  readonly released: readonly (readonly string[])[]
}

function openSession(tf: Tfjs, graph: Graph): Session {
  const opened: Opened = { tf, graph, weights: new Map(), released: lastUses(graph) }
  return {
    run: (feeds) => runGraph(opened, feeds),
    async close() {
      for (const weight of opened.weights.values()) weight.dispose()
      opened.weights.clear()
    },
  }
}

function lastUses({ nodes, outputs, weights }: Graph): Opened['released'] {
  const seen = new Set([...outputs.map(({ name }) => name), ...weights.keys(), ''])
  const released = nodes.toReversed().map((node) => {
    const last = [...new Set([...node.inputs, ...node.outputs])].filter((name) => !seen.has(name))
    for (const name of last) seen.add(name)
    return last
  })
  return released.reverse()
}

async function runGraph(
  opened: Opened,
  feeds: ReadonlyMap<string, Feed>,
): Promise<ReadonlyMap<string, TensorData>> {
  const { tf, graph } = opened
  const values = new Map<string, Tensor>()
  try {
    for (const [index, feed] of matchFeeds(graph, feeds).entries()) {
      const input = graph.inputs[index] as Value
      values.set(input.name, upload(tf, input, feed))
    }
    for (const [index, node] of graph.nodes.entries()) {
      for (const [name, tensor] of runNode(opened, values, node)) values.set(name, tensor)
      for (const name of opened.released[index] ?? []) {
        values.get(name)?.dispose()
        values.delete(name)
      }
    }
    const results = new Map<string, TensorData>()
    for (const output of graph.outputs) {
      const tensor = values.get(output.name) ?? weightTensor(opened, output.name)
      results.set(output.name, await download(output, tensor))
    }
    return results
  } finally {
    for (const tensor of values.values()) tensor.dispose()
  }
}

/** The outputs of a node; whatever else its kernel made is let go. */
function runNode(
  opened: Opened,
  values: ReadonlyMap<string, Tensor>,
  node: Node,
): ReadonlyMap<string, Tensor> {
  const { tf, graph } = opened
  const kernel = kernelOf(node) as Kernel
  const typeOf = (name: string): TensorType | undefined => graph.types.get(name)
  const tensor = (index: number): Tensor => {
    const name = node.inputs[index] ?? ''
    const found = values.get(name) ?? weightTensor(opened, name)
    if (found === undefined)
      throw new TypeError(`${node.op} "${node.name}" expects input ${index}; it is missing`)
    return found
  }
  const call: KernelCall = {
    tf,
    node,
    inputs: node.inputs.map(typeOf),
    outputs: node.outputs.flatMap((name) => typeOf(name) ?? []),
    tensor,
    has: (index) => (node.inputs[index] ?? '') !== '',
    numbers: (index) => {
      const weight = graph.weights.get(node.inputs[index] ?? '')
      return Array.from(weight === undefined ? tensor(index).dataSync() : constantFromWeight(weight).data)
    },
  }
  return new Map(
    Object.entries(
      tf.tidy(() => {
        const given = kernel(call)
        const outputs = Array.isArray(given) ? (given as readonly Tensor[]) : [given as Tensor]
        return Object.fromEntries(
          node.outputs.flatMap((name, index) => {
            const type = typeOf(name)
            return type === undefined ? [] : [[name, settled(tf, outputs[index] as Tensor, type)]]
          }),
        )
      }),
    ),
  )
}

/**
 * The value with the element and the shape that the graph states. What was made of a piece of a Split by sizes that the
 * graph computes has another side than is stated, and keeps it.
 */
function settled(tf: Tfjs, tensor: Tensor, { element, shape }: TensorType): Tensor {
  const dtype = dtypeOf(element)
  const cast = tensor.dtype === dtype ? tensor : tf.cast(tensor, dtype)
  const fits = sameShape(cast.shape, shape) || cast.size !== sizeOf(shape)
  return fits ? cast : tf.reshape(cast, [...shape])
}

/** A weight, which is copied to TensorFlow.js when it is first used. */
function weightTensor({ tf, graph, weights }: Opened, name: string): Tensor | undefined {
  const weight = graph.weights.get(name)
  if (weight === undefined) return undefined
  const found = weights.get(name) ?? tf.keep(upload(tf, weight, weightNumbers(weight)))
  weights.set(name, found)
  return found
}

const LEAST_INT32 = -(2 ** 31)

/** A weight's numbers. Whole numbers beyond 32 bits only ever mean "to the end" and become the nearest that fit. */
function weightNumbers(weight: Weight): Feed {
  const { data } = constantFromWeight(weight)
  if (dtypeOf(weight.element) === 'float32') return Float32Array.from(data)
  return Int32Array.from(data, (x) => Math.min(Math.max(x, LEAST_INT32), -LEAST_INT32 - 1))
}

function upload(tf: Tfjs, { element, shape }: Value, feed: Feed): Tensor {
  const dtype = dtypeOf(element)
  if (dtype === 'bool') {
    return tf.tensor(
      Uint8Array.from(feed, (x) => Number(x !== 0)),
      [...shape],
      'bool',
    )
  }
  const data = dtype === 'float32' ? Float32Array.from(feed) : Int32Array.from(feed)
  return tf.tensor(data, [...shape], dtype)
}

async function download({ element, shape }: Value, tensor: Tensor | undefined): Promise<TensorData> {
  if (tensor === undefined) throw new TypeError('an output has no value')
  const data = await tensor.data()
  const copy = isInteger(element) ? Int32Array.from(data) : Float32Array.from(data)
  if (copy.length !== sizeOf(shape))
    throw new TypeError(`an output expected ${sizeOf(shape)} numbers, got ${copy.length}`)
  return { element, shape, data: copy }
}

const isInteger = (element: Element): boolean => dtypeOf(element) !== 'float32'
