/**
 * A file of what a model predicts, a JSON line for each label.
 * @module
 */
import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { Batch, MeasuredBatch, Tokenizer } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { className } from './metrics.js'

export interface PredictionNames {
  /** Of text. */
  readonly tokenizer?: Pick<Tokenizer, 'decode'> | undefined
  /** The names of the classes; of a language model, tokens are the classes. */
  readonly labels: readonly string[] | undefined
  readonly predictsTokens: boolean
}

/** A data file; or a folder, with the file of each row. */
export interface MeasuredData {
  readonly file: string
  readonly fileOf?: ((row: number) => string) | undefined
}

/** Disposed of before it is kept, it leaves nothing behind. */
export interface PredictionsFile extends Disposable {
  /** Writes down what was measured of a batch, the next one of its data file. */
  add(data: MeasuredData, batch: Batch, measured: MeasuredBatch): void
  /** The file is whole: it takes its name. */
  keep(): void
}

/**
 * Opens a file of lines `{file, row, column?, text?, label, prediction, probability}`, with rows counted from 0 in each
 * data file or folder; of images, the file is the image's. LRC-8003 when there is such a file.
 */
export function openPredictions(path: string, names: PredictionNames): PredictionsFile {
  if (existsSync(path)) {
    throw new LoricaError('LRC-8003', `"${path}" is already there`, {
      expected: 'a file that does not exist yet',
      action: 'Give another --predictions.',
    })
  }
  const unfinished = `${path}.part`
  const descriptor = openSync(unfinished, 'w')
  const rowsBefore = new Map<string, number>()
  let isKept = false
  return {
    add({ file, fileOf = () => file }, batch, measured) {
      const before = rowsBefore.get(file) ?? 0
      rowsBefore.set(file, before + batch.rows)
      const lines = predictionLines(batch, measured, names)
      writeSync(
        descriptor,
        lines
          .map((line) => ({ file: fileOf(before + line.row), ...line, row: before + line.row }))
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(''),
      )
    },
    keep() {
      renameSync(unfinished, path)
      isKept = true
    },
    [Symbol.dispose]() {
      closeSync(descriptor)
      if (!isKept) rmSync(unfinished, { force: true })
    },
  }
}

interface PredictionLine {
  readonly row: number
  readonly column?: number
  readonly text?: string
  readonly label: string
  readonly prediction: string
  readonly probability: number
}

/** What is said of each label that counts; the text is the row's, or the token's that has the label. */
export function predictionLines(
  batch: Batch,
  { places, labels, predictions, probabilities }: MeasuredBatch,
  { tokenizer, predictsTokens, labels: names }: PredictionNames,
): readonly PredictionLine[] {
  const nameOf = (number: number): string =>
    predictsTokens && tokenizer !== undefined
      ? tokenizer.decode([number], { specialTokens: true })
      : className(number, names)
  const columns = batch.labels.length / batch.rows
  return [...places].map((place, at) => {
    const row = Math.floor(place / columns)
    const column = place % columns
    const said = {
      label: nameOf(labels[at] as number),
      prediction: nameOf(predictions[at] as number),
      probability: probabilities[at] as number,
    }
    if (!('inputIds' in batch) || tokenizer === undefined) return { row, ...said }
    const { inputIds } = batch
    if (columns === 1 && batch.columns !== 1) {
      const ids = [...inputIds.subarray(row * batch.columns, (row + 1) * batch.columns)]
      const seen = ids.filter((_, at) => batch.attentionMask[row * batch.columns + at] !== 0)
      return { row, text: tokenizer.decode(seen), ...said }
    }
    if (predictsTokens) return { row, column, ...said }
    return { row, column, text: tokenizer.decode([inputIds[place] as number]), ...said }
  })
}
