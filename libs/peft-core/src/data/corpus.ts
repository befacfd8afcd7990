/**
 * Data files as rows to train on and rows to judge by, tokenised once into a file that passes.
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import type { Task } from '../source/task.js'
import type { Batch, TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { isHeldOutByHash, splitMeasured } from '../train/holdout.js'
import type { Tokenizer } from '../train/tokens.js'
import { documentRows } from './document-rows.js'
import { exampleRows } from './example-rows.js'
import { createFirsts } from './firsts.js'
import { type DataFormat, formatFor } from './format.js'
import { frameOf } from './frame.js'
import { createGrown, type Grown } from './grown.js'
import { createMetLabels, type KnownClasses, labelNumber, namesOf } from './labels.js'
import { type ExampleReader, readExamples } from './read-examples.js'
import { hasRecords, readRecords } from './records.js'
import type { RowSource } from './row-source.js'
import { type ExampleStore, openStore } from './store.js'
import { windowRows } from './windows.js'

export interface CorpusOptions extends KnownClasses {
  /** Files that are split together; each group has held-out rows of its own. */
  readonly groups: readonly (readonly string[])[]
  readonly tokenizer: Tokenizer
  readonly task: Task
  /** Chosen by the task and the fields of the first record when absent. */
  readonly format?: DataFormat | undefined
  /** Tokens of a row, at most. */
  readonly columns: number
  /** The share that is kept to judge by, from 0 up to 1. */
  readonly holdout: number
  /** A folder for the file that passes. */
  readonly folder: string
  /** Whether the model keeps several examples in a row apart. */
  readonly packs: boolean
  /** Rows of the model's embedding. */
  readonly vocabularySize?: number | undefined
  /**
   * Whether each record, document or image is to make a row of its own, and to be held out or not whatever others there are: what
   * privacy by example protects.
   */
  readonly isByExample?: boolean | undefined
}

export interface Corpus<B extends Batch = TokenBatch> {
  readonly format: DataFormat | 'images'
  readonly train: RowSource<B>
  /** One for each group, none when nothing is held out. */
  readonly heldOut: readonly RowSource<B>[]
  /** The names of the classes, by number. */
  readonly labels?: readonly string[]
  readonly examples: number
  /** Examples that were longer than a row and lost their end. */
  readonly cut: number
  /** Of these, those left out because nothing to learn was left of them. */
  readonly dropped: number
  /** The examples of a part as text, as their tokens say it. */
  texts(part: 'train' | 'heldOut'): Iterable<string>
  close(): void
}

/**
 * Reads and tokenises the files. Memory does not grow with them but for some 30 bytes an example. RangeError names the file
 * and the line, what was expected and what came; or says that there is too little.
 */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const store = openStore(options.folder)
  try {
    return await readCorpus(options, store)
  } catch (error) {
    store.close()
    throw error
  }
}

async function readCorpus(options: CorpusOptions, store: ExampleStore): Promise<Corpus> {
  const { groups, tokenizer, task, columns, holdout } = options
  const files = groups.flat()
  const format = formatFor(task, files[0] ?? '', {
    first: await firstFields(files[0]),
    wanted: options.format,
  })
  const labels = createMetLabels(options.labels)
  const reader: ExampleReader = { ...options, format, frame: frameOf(tokenizer), labels }
  const counts = { cut: 0, dropped: 0 }
  const splits: Split[] = []
  for (const group of groups) splits.push(await readGroup(group, { store, reader, counts, holdout }))
  const isOneRowEach = options.isByExample === true && format === 'text'
  const documents = isOneRowEach ? wholeDocuments(store, options) : undefined
  const rows = rowMaker(store, options, { format, names: namesOf(labels.names, options), met: labels.names })
  if (store.count === 0)
    throw new RangeError(`${files.join(', ')}: expected data, got none that fits in ${columns} tokens`)
  return {
    format,
    train: (documents ?? rows)(joined(splits.map(({ train }) => train))),
    heldOut: splits.flatMap(({ heldOut }) => (heldOut.length === 0 ? [] : [rows(heldOut)])),
    ...(format === 'classification' || format === 'tokens' ? { labels: namesOf(labels.names, options) } : {}),
    examples: store.count,
    ...counts,
    *texts(part) {
      for (const index of joined(splits.map((split) => split[part])))
        yield tokenizer.decode(Array.from(store.get(index).ids))
    },
    close: () => store.close(),
  }
}

interface Split {
  readonly train: Uint32Array
  readonly heldOut: Uint32Array
}

interface GroupReading {
  readonly store: ExampleStore
  readonly reader: ExampleReader
  readonly counts: { cut: number; dropped: number }
  readonly holdout: number
}

const SLICE_MS = 20

/** Adds the examples of some files to the store, and divides them into those to train on and those to judge by. */
async function readGroup(
  files: readonly string[],
  { store, reader, counts, holdout }: GroupReading,
): Promise<Split> {
  const first = store.count
  const sizes = createGrown(Uint32Array)
  const copyOf = createGrown(Uint32Array)
  const parts = { train: createGrown(Uint32Array), heldOut: createGrown(Uint32Array) } // by example
  const firsts = createFirsts()
  let sinceMs = performance.now()
  for (const file of files) {
    for await (const { example, size } of readExamples(file, reader)) {
      if (example.isCut) counts.cut++
      if (example.labels.length > 0 && example.labels.every((label) => label === IGNORED)) {
        counts.dropped++
        continue
      }
      const at = store.count
      store.add(example)
      sizes.push(size)
      if (reader.isByExample === true)
        parts[isHeldOutByHash(bytesOf(example), holdout) ? 'heldOut' : 'train'].push(at)
      else if (holdout > 0) copyOf.push(firsts.add(bytesOf(example)))
      if (performance.now() - sinceMs < SLICE_MS) continue
      await setImmediate() // whoever else lives in this process gets its turn
      sinceMs = performance.now()
    }
  }
  const numbers = ({ length, at }: Grown): Uint32Array =>
    Uint32Array.from({ length }, (_, index) => at(index))
  if (reader.isByExample === true) return { train: numbers(parts.train), heldOut: numbers(parts.heldOut) }
  const isFirst = (index: number): number => (holdout > 0 ? copyOf.at(index) : index)
  const { train, heldOut } = splitMeasured(
    { count: sizes.length, sizeOf: sizes.at, firstOf: isFirst },
    holdout,
  )
  return { train: train.map((index) => first + index), heldOut: heldOut.map((index) => first + index) }
}

const bytesOf = ({ ids, labels }: { ids: readonly number[]; labels: readonly number[] }): Uint8Array =>
  new Uint8Array(Int32Array.from([...ids, IGNORED - 1, ...labels]).buffer)

interface Meaning {
  readonly format: DataFormat
  readonly names: readonly string[]
  readonly met: readonly string[]
}

/** How examples of a format become rows. */
function rowMaker(store: ExampleStore, options: CorpusOptions, { format, names, met }: Meaning) {
  const { tokenizer, columns, task, packs } = options
  const { padId } = tokenizer
  if (format === 'text') {
    const masked =
      task === 'masked' ? { masked: { frame: frameOf(tokenizer), masking: maskingOf(options) } } : {}
    return (chosen: Uint32Array) => windowRows(store, chosen, { columns, padId, ...masked })
  }
  const isLabelled = format === 'classification' || format === 'tokens'
  const classes =
    options.labels === undefined && isLabelled
      ? { classes: Int32Array.from(met, (name) => labelNumber(name, names)) }
      : {}
  const isWhole = format === 'classification'
  return (chosen: Uint32Array) =>
    exampleRows(store, chosen, {
      columns,
      padId,
      isPacked: packs && !isLabelled && options.isByExample !== true,
      isWhole,
      ...classes,
    })
}

/** RangeError for masked words: which are hidden depends on the whole batch. */
function wholeDocuments(store: ExampleStore, { columns, task, tokenizer }: CorpusOptions) {
  if (task === 'masked')
    throw new RangeError(
      'privacy by example expected a model that continues texts or a classifier, got one of masked words',
    )
  const { padId } = tokenizer
  return (chosen: Uint32Array) => documentRows(store, chosen, { columns, padId })
}

function maskingOf({ tokenizer, vocabularySize }: CorpusOptions) {
  const { maskId, specialIds } = tokenizer
  if (maskId === undefined)
    throw new RangeError('a masked-word model expected a tokenizer with a mask token, got none')
  return {
    maskId,
    specialIds,
    vocabularySize: Math.min(vocabularySize ?? Number.POSITIVE_INFINITY, tokenizer.vocabularySize),
  }
}

async function firstFields(file: string | undefined) {
  if (file === undefined || !hasRecords(file)) return undefined
  for await (const { fields } of readRecords(file)) return fields
  return undefined
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
