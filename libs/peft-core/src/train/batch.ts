/**
 * What a model is fed at once: rows of tokens, or images.
 *
 * Sizes used below: B = rows, T = columns (tokens of a row), C = channels, H = height, W = width.
 * @module
 */

export type Batch = TokenBatch | ImageBatch

/** Batches that are made as they are taken: a whole file of them is never in memory. Each iteration starts anew. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>

/** Labels are a class for each token or for each row; of text that is continued they are the inputs themselves: the graph compares position t with label t + 1. */
export interface TokenBatch {
  readonly rows: number
  readonly columns: number
  readonly inputIds: Int32Array // (B, T)
  /** 0 is padding. Several examples in a row are numbered 1, 2, … and do not see each other; then `positionIds` is there. */
  readonly attentionMask: Int32Array // (B, T)
  readonly labels: Int32Array // (B, T), or (B) of classes; -100 is not learned and not counted
  readonly tokenTypeIds?: Int32Array // (B, T); zeros when absent
  /** Where each token is in its example; absent, rows are one example each. */
  readonly positionIds?: Int32Array // (B, T)
}

export interface ImageBatch {
  readonly rows: number
  readonly columns: 0 // an image has no tokens
  readonly image: ImageSize
  readonly pixelValues: Float32Array // (B, C, H, W), normalised as the model expects
  readonly labels: Int32Array // (B); -100 is not learned and not counted
}

export interface ImageSize {
  readonly channels: number
  readonly height: number // pixels
  readonly width: number // pixels
}

/** All that a graph for a batch depends on. */
export interface BatchSize {
  readonly rows: number
  /** Tokens of a row; 0 of images. */
  readonly columns: number
  /** Only of images. */
  readonly image?: ImageSize | undefined
  /** Whether a row may hold several examples, which are kept apart. */
  readonly isPacked?: boolean | undefined
}

export const isImages = (batch: Batch): batch is ImageBatch => 'pixelValues' in batch

/** The size of a batch. */
export function batchSize(batch: Batch): BatchSize {
  const { rows, columns } = batch
  if (isImages(batch)) return { rows, columns, image: batch.image }
  return batch.positionIds === undefined ? { rows, columns } : { rows, columns, isPacked: true }
}
