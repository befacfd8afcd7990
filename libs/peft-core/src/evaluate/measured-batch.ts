import { PREDICTION_COLUMNS } from '../differentiate/prediction.js'
import type { Task } from '../source/task.js'
import type { Batch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'

/** What a model makes of one batch; the lists have one entry for each label that counts. */
export interface MeasuredBatch {
  /** Nats over all labels that count. */
  readonly lossSum: number
  /** How long the model ran, without reading the data. */
  readonly milliseconds: number
  /** Rows that the model computed; `examples` leaves out those that only fill up the batch. */
  readonly rows: number
  readonly columns: number
  readonly examples: number
  /** Where the labels stand among those of the batch, (B, T) or (B). */
  readonly places: Int32Array
  readonly labels: Int32Array
  /** The likeliest class or token. */
  readonly predictions: Int32Array
  /** Its probability. */
  readonly probabilities: Float32Array
  /** How many classes are likelier than the label. */
  readonly ranks: Int32Array
  /** The log probability of the label, in nats. */
  readonly logProbabilities: Float32Array
  /** The mean of the log probability of a class that the model draws, and its standard deviation. */
  readonly expectedLogs: Float32Array
  readonly logDeviations: Float32Array
}

/** What a graph for the purpose 'measure' gives. */
export interface RawMeasurement {
  /** The mean over the labels that count. */
  readonly loss: number
  /** (N, 6): see `appendPrediction`; N = rows times positions of the logits. */
  readonly predictions: Float32Array
  readonly milliseconds: number
}

const COLUMNS = PREDICTION_COLUMNS

/**
 * Finds the prediction of each label that counts. A causal model predicts a label at the position before it, and virtual
 * tokens stand before the positions of a row. RangeError when the loss is not a finite number.
 */
export function measuredBatch(batch: Batch, task: Task, measurement: RawMeasurement): MeasuredBatch {
  const { loss, predictions, milliseconds } = measurement
  const { rows, labels } = batch
  const columns = labels.length / rows
  const positions = predictions.length / COLUMNS / rows
  const shift = positions - columns - (task === 'causal' ? 1 : 0)
  const places = Int32Array.from(labels.keys()).filter(
    (place) => labels[place] !== IGNORED && (place % columns) + shift >= 0,
  )
  if (places.length > 0 && !Number.isFinite(loss))
    throw new RangeError(`expected a finite loss, got ${loss}: the model or the adapter holds broken numbers`)
  const valueAt = (place: number, column: number): number => {
    const position = Math.floor(place / columns) * positions + (place % columns) + shift
    return predictions[position * COLUMNS + column] as number
  }
  return {
    lossSum: places.length === 0 ? 0 : loss * places.length,
    milliseconds,
    rows,
    columns,
    examples: new Set(places.map((place) => Math.floor(place / columns))).size,
    places,
    labels: places.map((place) => labels[place] as number),
    predictions: places.map((place) => valueAt(place, 0)),
    probabilities: Float32Array.from(places, (place) => valueAt(place, 1)),
    ranks: places.map((place) => valueAt(place, 2)),
    logProbabilities: Float32Array.from(places, (place) => valueAt(place, 3)),
    expectedLogs: Float32Array.from(places, (place) => valueAt(place, 4)),
    logDeviations: Float32Array.from(places, (place) => valueAt(place, 5)),
  }
}
