import type { TensorMap } from '../adapter/tensor.js'
import type { Graph } from '../graph/graph.js'
import type { Batch } from '../train/batches.js'
import type { Feed } from './runtime.js'

/** What a graph is fed for a batch: its parameters, and those of the batch's arrays that it has an input for. */
export function batchFeeds(graph: Graph, tensors: TensorMap, batch: Batch): Map<string, Feed> {
  const feeds = new Map<string, Feed>()
  for (const { name } of graph.inputs) {
    const feed = tensors.get(name)?.data ?? batchInputs[name]?.(batch)
    if (feed !== undefined) feeds.set(name, feed)
  }
  return feeds
}

const batchInputs: Readonly<Record<string, (batch: Batch) => Int32Array>> = {
  input_ids: ({ inputIds }) => inputIds,
  attention_mask: ({ attentionMask }) => attentionMask,
  labels: ({ labels }) => labels,
  token_type_ids: ({ inputIds, tokenTypeIds }) => tokenTypeIds ?? new Int32Array(inputIds.length),
  position_ids: ({ inputIds, columns }) => Int32Array.from(inputIds, (_, index) => index % columns),
}
