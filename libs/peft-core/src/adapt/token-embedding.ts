import type { Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import { elementBytes, type Graph, intOf, type Node, type Weight } from '../graph/graph.js'

/** The table that turns token ids into embeddings, and the node that gives them: the lookup, or a cast of what it found. */
export interface TokenEmbedding {
  readonly node: Node
  readonly table: Weight // (V, D)
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
export function tokenEmbedding({ nodes, weights }: Graph): TokenEmbedding {
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
    return reads && table?.shape.length === 2 ? [{ node: castAfter(nodes, node), table }] : []
  })
  const [embedding] = found
  if (embedding !== undefined && found.length === 1) return embedding
  throw new RangeError(`expected a model that looks up "input_ids" in one embedding, found ${found.length}`)
}

/** The cast that is the only use of a node's output, or else the node. */
function castAfter(nodes: readonly Node[], node: Node): Node {
  const users = nodes.filter(({ inputs }) => inputs.includes(node.outputs[0] as string))
  const [user] = users
  return users.length === 1 && user?.op === 'Cast' ? user : node
}

/** Rows of an embedding as float32, read one by one: (ids, D). */
export function embeddingRows({ table }: TokenEmbedding, ids: readonly number[]): Tensor {
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
  for (const [at, row] of rows.entries()) values.set(row, at * width)
  return { shape: [ids.length, width], data: values }
}
