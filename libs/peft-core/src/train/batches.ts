/**
 * Token streams cut into windows of one length, and windows gathered into batches.
 *
 * Sizes used below: B = rows of a batch, T = columns (tokens of a window).
 * @module
 */
import type { TokenBatch } from './batch.js'
import { IGNORED } from './counted.js'
import { createRandom, shuffled } from './random.js'

/** Documents as windows of `columns` tokens each. Only the last one may be short. */
export interface Windows {
  readonly columns: number
  readonly count: number
  /** The tokens of all windows, without padding. */
  readonly tokens: Int32Array
  readonly padId: number
}

export interface PackOptions {
  readonly columns: number
  /** Follows each document: the end-of-text token, or a newline where the tokenizer has none. */
  readonly separator: readonly number[]
  /** Fills up a short window; never learned. */
  readonly padId?: number
}

export interface TrainingOrder {
  readonly rows: number
  /** How many batches. */
  readonly steps: number
  readonly seed: number
  /** How many batches of this seed came before; the order continues as if all were asked for at once. */
  readonly firstStep: number
}

/**
 * Joins tokenised documents into one stream and cuts it into windows. A last window of one token, which predicts nothing,
 * is left out. RangeError when nothing is left.
 */
export function packWindows(documents: readonly (readonly number[])[], options: PackOptions): Windows {
  const { columns, separator, padId = 0 } = options
  if (!Number.isInteger(columns) || columns < 2)
    throw new RangeError(`columns expected 2 tokens or more, got ${columns}`)
  const length = documents.reduce((sum, document) => sum + document.length + separator.length, 0)
  const stream = new Int32Array(length)
  let position = 0
  for (const document of documents) {
    stream.set(document, position)
    stream.set(separator, position + document.length)
    position += document.length + separator.length
  }
  const tokens = length % columns === 1 ? stream.subarray(0, length - 1) : stream
  if (tokens.length === 0)
    throw new RangeError(`the text expected two tokens or more, got ${length}; give more text`)
  return { columns, count: Math.ceil(tokens.length / columns), tokens, padId }
}

/**
 * Batches to train on. Each epoch takes every window once, in an order that depends on the seed and the epoch alone.
 * With gradient accumulation ask for steps times accumulated batches.
 */
export function trainingBatches(
  windows: Windows,
  { rows, steps, seed, firstStep }: TrainingOrder,
): readonly TokenBatch[] {
  expectCount('rows', rows, 1)
  expectCount('steps', steps, 0)
  expectCount('firstStep', firstStep, 0)
  let epoch = -1
  let order: Int32Array = new Int32Array()
  const windowAt = (position: number): number => {
    const wanted = Math.floor(position / windows.count)
    if (wanted !== epoch) order = shuffled(windows.count, createRandom(seed, `epoch ${wanted}`))
    epoch = wanted
    return order[position % windows.count] as number
  }
  return Array.from({ length: steps }, (_, step) => {
    const first = (firstStep + step) * rows
    return batchOf(
      windows,
      Array.from({ length: rows }, (_, row) => windowAt(first + row)),
    )
  })
}

/** Every window once, in order. Where the last batch has rows left over they repeat a window and do not count. */
export function evaluationBatches(windows: Windows, rows: number): readonly TokenBatch[] {
  expectCount('rows', rows, 1)
  return Array.from({ length: Math.ceil(windows.count / rows) }, (_, index) => {
    const first = index * rows
    const present = Math.min(rows, windows.count - first)
    const batch = batchOf(
      windows,
      Array.from({ length: rows }, (_, row) => first + (row < present ? row : 0)),
    )
    batch.labels.fill(IGNORED, present * windows.columns)
    return batch
  })
}

function batchOf({ columns, tokens, padId }: Windows, chosen: readonly number[]): TokenBatch {
  const size = chosen.length * columns
  const inputIds = new Int32Array(size).fill(padId)
  const attentionMask = new Int32Array(size)
  const labels = new Int32Array(size).fill(IGNORED)
  for (const [row, window] of chosen.entries()) {
    const start = row * columns
    const real = tokens.subarray(window * columns, (window + 1) * columns)
    inputIds.set(real, start)
    labels.set(real, start)
    attentionMask.fill(1, start, start + real.length)
  }
  return { rows: chosen.length, columns, inputIds, attentionMask, labels }
}

function expectCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new RangeError(`${name} expected a whole number of ${least} or more, got ${value}`)
}
