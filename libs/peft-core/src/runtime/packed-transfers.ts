/**
 * Few large transfers in place of many small ones: to and from a GPU each takes about a millisecond, however small it is.
 * @module
 */
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { type Graph, int, sizeOf, type Value } from '../graph/graph.js'
import type { Feed, TensorData } from './runtime.js'

/** A graph that does what another does, with most of its inputs in one and most of its outputs in one. */
export interface PackedGraph {
  readonly graph: Graph
  /** From feeds of the other graph's inputs to feeds of this one's. */
  pack(feeds: ReadonlyMap<string, Feed>): ReadonlyMap<string, Feed>
  /** From what this graph gives to what the other would have given. */
  unpack(outputs: ReadonlyMap<string, TensorData>): ReadonlyMap<string, TensorData>
}

/** Larger tensors travel alone: they take time of their own, and a GPU limits the size of a buffer. */
const LARGEST_ELEMENTS = 2 ** 22
/** A GPU limits how many buffers one operator reads. */
const CONCAT_INPUTS = 7
const PACKED_INPUT = 'packed inputs'

/** The inputs and outputs of float32 that are not large, each joined end to end in the order of the graph. */
export function withPackedTransfers(given: Graph): PackedGraph {
  const packedInputs = given.inputs.filter(isPacked)
  const packedOutputs = given.outputs.filter(isPacked)
  const builder = startBuilder(given, packedInputs)
  for (const node of given.nodes) builder.append(node)
  for (const output of given.outputs) if (!isPacked(output)) builder.output(builder.value(output.name))
  const joined = joinOutputs(builder, packedOutputs)
  return {
    graph: builder.build(),
    pack(feeds) {
      const packed = new Set(packedInputs.map(({ name }) => name))
      const rest = [...feeds].filter(([name]) => !packed.has(name))
      if (packedInputs.length === 0) return new Map(rest)
      return new Map([...rest, [PACKED_INPUT, joinFeeds(packedInputs, feeds)]])
    },
    unpack(outputs) {
      const data = joined === undefined ? undefined : (outputs.get(joined)?.data as Float32Array)
      const parts = data === undefined ? new Map() : partsOf(packedOutputs, data)
      return new Map(
        given.outputs.map(({ name }) => [name, (parts.get(name) ?? outputs.get(name)) as TensorData]),
      )
    },
  }
}

const isPacked = ({ element, shape }: Value): boolean =>
  element === 'float32' && sizeOf(shape) <= LARGEST_ELEMENTS

/** A graph of the weights and inputs of another, whose packed inputs are cut out of one. */
function startBuilder({ inputs, weights, nodes, types }: Graph, packed: readonly Value[]): GraphBuilder {
  const alone = inputs.filter((input) => !packed.includes(input))
  const known = [...alone, ...weights.values()].map(
    ({ name, element, shape }) => [name, { element, shape }] as const,
  )
  const builder = createBuilder(
    { inputs: alone, outputs: [], weights, nodes: [], types: new Map(known) },
    { reserved: [...types.keys(), ...nodes.map(({ name }) => name)] },
  )
  if (packed.length === 0) return builder
  const { starts, total } = offsetsOf(packed)
  const all = builder.input(PACKED_INPUT, 'float32', [total])
  for (const [index, { name, shape }] of packed.entries()) {
    const start = starts[index] as number
    const bounds = [start, start + sizeOf(shape)].map((at) => builder.constant([at], 'int64'))
    const part = builder.op('Slice', [all, ...bounds])
    const inputNames = [part.name, builder.constant(shape, 'int64').name]
    builder.append({
      ...{ name: `${name}:unpacked`, op: 'Reshape', domain: '', attributes: {} },
      ...{ inputs: inputNames, outputs: [name] },
    })
  }
  return builder
}

/** Appends the one output of the packed ones; its name, when there are any. */
function joinOutputs(builder: GraphBuilder, packed: readonly Value[]): string | undefined {
  if (packed.length === 0) return undefined
  const flat = builder.constant([-1], 'int64')
  let parts = packed.map(({ name }) => builder.op('Reshape', [builder.value(name), flat]))
  while (parts.length > 1) {
    const groups = Array.from({ length: Math.ceil(parts.length / CONCAT_INPUTS) }, (_, at) =>
      parts.slice(at * CONCAT_INPUTS, (at + 1) * CONCAT_INPUTS),
    )
    parts = groups.map((group) =>
      group.length === 1
        ? (group[0] as Value)
        : builder.op('Concat', group, { attributes: { axis: int(0) } }),
    )
  }
  const [joined] = parts as [Value]
  builder.output(joined)
  return joined.name
}

function joinFeeds(packed: readonly Value[], feeds: ReadonlyMap<string, Feed>): Float32Array {
  const { starts, total } = offsetsOf(packed)
  const all = new Float32Array(total)
  for (const [index, { name }] of packed.entries()) all.set(feeds.get(name) as Feed, starts[index])
  return all
}

function partsOf(packed: readonly Value[], data: Float32Array): ReadonlyMap<string, TensorData> {
  const { starts } = offsetsOf(packed)
  return new Map(
    packed.map(({ name, element, shape }, index) => {
      const start = starts[index] as number
      return [name, { element, shape, data: data.slice(start, start + sizeOf(shape)) }]
    }),
  )
}

function offsetsOf(packed: readonly Value[]): { readonly starts: readonly number[]; readonly total: number } {
  let total = 0
  const starts = packed.map(({ shape }) => {
    const start = total
    total += sizeOf(shape)
    return start
  })
  return { starts, total }
}
