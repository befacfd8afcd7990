import type { Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { constantFromWeight, readWeight } from '../graph/constant.js'
import { elementBytes, type Graph, intOf, type Node, sizeOf, type Weight } from '../graph/graph.js'

/** The table that turns token ids into embeddings, and the last node of the module that looks them up. */
export interface TokenEmbedding {
  readonly node: Node
  readonly table: Weight // (V, D)
  /** What the module multiplies the rows of the table with, as Gemma's does. */
  readonly scale: number
}

const FORWARDS: ReadonlySet<string> = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
])

/** The lookup of `input_ids` in a table. RangeError unless the graph has exactly one. */
export function tokenEmbedding(graph: Graph): TokenEmbedding {
  const { nodes, weights } = graph
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const behind = (name: string, isEnd: (name: string) => boolean): string | undefined => {
    if (isEnd(name)) return name
    const producer = producers.get(name)
    return producer && FORWARDS.has(producer.op) ? behind(producer.inputs[0] ?? '', isEnd) : undefined
  }
  const found = nodes.flatMap((node) => {
    if (node.op !== 'Gather' || intOf(node, 'axis', 0) !== 0) return []
    const [values = '', ids = ''] = node.inputs
    const table = weights.get(behind(values, (name) => weights.has(name)) ?? '')
    const reads = behind(ids, (name) => name === 'input_ids') !== undefined
    return reads && table?.shape.length === 2
      ? [{ ...moduleEnd(graph, node.module, { node, scale: 1 }), table }]
      : []
  })
  const [embedding] = found
  if (embedding !== undefined && found.length === 1) return embedding
  throw new RangeError(`expected a model that looks up "input_ids" in one embedding, found ${found.length}`)
}

type ModuleEnd = Pick<TokenEmbedding, 'node' | 'scale'>

/** Where the embedding ends: after casts, and products with one number in the same module, that are the only use of what it found. */
function moduleEnd(graph: Graph, module: string | undefined, end: ModuleEnd): ModuleEnd {
  const users = graph.nodes.filter(({ inputs }) => inputs.includes(end.node.outputs[0] as string))
  const [node] = users
  if (node === undefined || users.length > 1) return end
  if (node.op === 'Cast') return moduleEnd(graph, module, { ...end, node })
  const factor = node.op === 'Mul' && node.module === module ? factorOf(graph, node) : undefined
  return factor === undefined ? end : moduleEnd(graph, module, { node, scale: end.scale * factor })
}

/** The one number that a node multiplies with. */
function factorOf({ weights }: Graph, { inputs }: Node): number | undefined {
  const weight = inputs.map((name) => weights.get(name)).find((found) => found !== undefined)
  const values = weight !== undefined && sizeOf(weight.shape) === 1 ? constantFromWeight(weight).data : []
  return values[0]
}

/** What the module gives for ids, in float32, read one by one: (ids, D). */
export function embeddingRows({ table, scale }: TokenEmbedding, ids: readonly number[]): Tensor {
  const { data, element, shape } = table
  const width = shape[1] as number
  const length = width * elementBytes[element]
  const rows = ids.map((id) => {
    const bytes =
      data.kind === 'file'
        ? readWeight({ ...data, offset: data.offset + id * length, length })
        : data.bytes.subarray(id * length, (id + 1) * length)
    return floatTensor({ element, shape: [width], bytes }).data
  })
  const values = new Float32Array(ids.length * width)
  for (const [at, row] of rows.entries())
    values.set(
      row.map((value) => value * scale),
      at * width,
    )
  return { shape: [ids.length, width], data: values }
}
