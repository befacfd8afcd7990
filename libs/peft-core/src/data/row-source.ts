/**
 * Rows in the order of training, gathered into batches.
 *
 * Sizes used below: B = rows of a batch, T = columns.
 * @module
 */
import type { Batch, TokenBatch } from '../train/batch.js'
import type { TrainingOrder } from '../train/batches.js'
import type { Random } from '../train/random.js'

/** The rows of one epoch, in order. A row is what it is made of, as numbers that the source understands. */
export interface Epoch {
  readonly count: number
  row(index: number): readonly number[]
}

/** What batches are made of. */
export interface RowSource<B extends Batch = TokenBatch> {
  /** Examples or windows. */
  readonly count: number
  /** Rows of every epoch, where that is the same. */
  readonly rowsPerEpoch?: number
  /** Rows without padding at their end, where the others are the last; all when absent. */
  readonly wholeRows?: number
  /** The order of an epoch depends on the seed and the epoch alone. */
  epoch(seed: number, epoch: number, rows: number): Epoch
  /** All rows, in the order of the data. */
  inOrder(): Epoch
  /** `stream` names the random numbers of the batch, if it needs any. */
  batch(rows: readonly (readonly number[])[], random: { readonly seed: number; readonly stream: string }): B
  /** The file of a row in the order of the data, where each row is a file of its own. */
  fileOf?(row: number): string
  /** A row that one example makes alone, of `count` examples; absent where an example may have parts in several rows, or share one. */
  example?(index: number, random: Random): readonly number[]
}

/** Batches to train on: epoch after epoch, without a break; `firstStep` continues as if all were asked for at once. */
export function* trainingRows<B extends Batch>(source: RowSource<B>, order: TrainingOrder): Generator<B> {
  const { rows, steps, firstStep, seed } = order
  let { epoch, skipped } = seek(source, order)
  let current = source.epoch(seed, epoch, rows)
  for (let step = 0; step < steps; step++) {
    const chosen: (readonly number[])[] = []
    while (chosen.length < rows) {
      if (skipped === current.count) {
        current = source.epoch(seed, ++epoch, rows)
        skipped = 0
      }
      chosen.push(current.row(skipped++))
    }
    yield source.batch(chosen, { seed, stream: `batch ${firstStep + step}` })
  }
}

/** How many batches of `rows` the first epochs make, the last filled up from the next epoch. */
export function batchesIn(
  source: Pick<RowSource<Batch>, 'rowsPerEpoch' | 'epoch'>,
  epochs: number,
  { rows, seed }: Pick<TrainingOrder, 'rows' | 'seed'>,
): number {
  let total = (source.rowsPerEpoch ?? 0) * epochs
  if (source.rowsPerEpoch === undefined)
    for (let epoch = 0; epoch < epochs; epoch++)
      total += source.epoch(seed, epoch, rows).count * Math.min(1, epochs - epoch)
  return Math.max(1, Math.ceil(total / rows))
}

/** Every row once, in order. Where the last batch has rows left over they repeat a row and do not count. */
export function* evaluationRows<B extends Batch>(
  source: RowSource<B>,
  rows: number,
  chosen?: readonly number[],
): Generator<B> {
  const all = source.inOrder()
  const count = chosen?.length ?? all.count
  const rowAt = (index: number): readonly number[] => all.row(chosen?.[index] ?? index)
  for (let first = 0; first < count; first += rows) {
    const present = Math.min(rows, count - first)
    const batch = source.batch(
      Array.from({ length: rows }, (_, row) => rowAt(first + (row < present ? row : 0))),
      { seed: 0, stream: `evaluation ${first}` },
    )
    batch.labels.fill(-100, (present * batch.labels.length) / rows)
    yield batch
  }
}

/** The epoch that a batch begins in, and how many of its rows came before. */
function seek(
  source: Pick<RowSource<Batch>, 'rowsPerEpoch' | 'epoch'>,
  { rows, firstStep, seed }: TrainingOrder,
): { epoch: number; skipped: number } {
  const before = firstStep * rows
  const { rowsPerEpoch } = source
  if (rowsPerEpoch !== undefined)
    return { epoch: Math.floor(before / rowsPerEpoch), skipped: before % rowsPerEpoch }
  let epoch = 0
  let skipped = before
  for (
    let count = source.epoch(seed, 0, rows).count;
    skipped >= count;
    count = source.epoch(seed, epoch, rows).count
  ) {
    skipped -= count
    epoch++
  }
  return { epoch, skipped }
}
