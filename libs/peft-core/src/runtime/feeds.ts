import type { TensorMap } from '../adapter/tensor.js'
import type { Graph } from '../graph/graph.js'
import { type Batch, type ImageBatch, isImages, type TokenBatch } from '../train/batch.js'
import type { Feed } from './runtime.js'

/**
 * What a graph is fed for a batch: its parameters, and those of the batch's arrays that it has an input for. RangeError
 * when the graph reads tokens and the batch has images, or the other way round.
 */
export function batchFeeds(graph: Graph, tensors: TensorMap, batch: Batch): Map<string, Feed> {
  const inputs = isImages(batch) ? imageInputs(batch) : tokenInputs(batch)
  const [main, has] = isImages(batch) ? ['pixel_values', 'images'] : ['input_ids', 'tokens']
  const names = graph.inputs.map(({ name }) => name)
  const other = ['input_ids', 'pixel_values'].find((name) => name !== main && names.includes(name))
  if (other !== undefined) throw new RangeError(`the model expected ${other}, got a batch of ${has}`)
  const feeds = new Map<string, Feed>()
  for (const name of names) {
    const feed = tensors.get(name)?.data ?? inputs[name]?.()
    if (feed !== undefined) feeds.set(name, feed)
  }
  return feeds
}

type Inputs = Readonly<Record<string, () => Feed>>

const imageInputs = ({ pixelValues, labels }: ImageBatch): Inputs => ({
  pixel_values: () => pixelValues,
  labels: () => labels,
})

const tokenInputs = ({ inputIds, columns, ...batch }: TokenBatch): Inputs => ({
  input_ids: () => inputIds,
  attention_mask: () => batch.attentionMask,
  labels: () => batch.labels,
  token_type_ids: () => batch.tokenTypeIds ?? new Int32Array(inputIds.length),
  position_ids: () => batch.positionIds ?? Int32Array.from(inputIds, (_, index) => index % columns),
})
