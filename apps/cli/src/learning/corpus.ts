/**
 * The data files of a command, read for a model.
 * @module
 */
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import {
  type Batch,
  type BatchSize,
  type Corpus,
  type CorpusOptions,
  type DataFormat,
  describeModel,
  type ModelDescription,
  type NewHead,
  openCorpus,
  openImageCorpus,
  openTokenizer,
  readImageProcessor,
  type Tokenizer,
} from '@lorica/peft-core'
import type { Output } from '../screen/output.js'
import { withCode } from './errors.js'

export interface CorpusSpec {
  readonly model: string
  /** Files; or folders with a sub-folder of images for each class. */
  readonly data: readonly string[]
  readonly format?: DataFormat
  readonly maxTokens: number
  readonly holdout: number
  /** Whether each example is to make a row of its own, and to be held out or not whatever others there are. */
  readonly isByExample?: boolean
  /** Whether several examples may share a row where the model keeps them apart. */
  readonly packs?: boolean
  /** The names of the classes where the model has none; those of the data, when absent. */
  readonly labels?: readonly string[] | undefined
  /** What a new head is for, which takes the place of the model's. */
  readonly newHead?: NewHead['task'] | undefined
}

export interface ModelCorpus extends Corpus<Batch>, Disposable {
  readonly task: CorpusOptions['task']
  /** Whether the model itself names its classes. */
  readonly isNamed: boolean
  /** Of text. */
  readonly tokenizer?: Tokenizer
  /** The size of a row: tokens, or the sides of an image. */
  readonly row: Pick<BatchSize, 'columns' | 'image'>
}

/** Reads the files; each is split on its own, the same way wherever it is read. LRC-6001 says what does not fit, and where. */
export async function readCorpus(
  spec: CorpusSpec,
  output: Pick<Output, 'progress'> = { progress: () => {} },
): Promise<ModelCorpus> {
  const described = await withCode('LRC-7001', () => describeModel(spec.model, spec.newHead))
  const classes = { labels: described.labels ?? spec.labels, isNamed: described.labels !== undefined }
  return described.task === 'image'
    ? await imagesFor(spec, { ...described, ...classes }, output)
    : await textFor(spec, { ...described, ...classes })
}

type Described = ModelDescription & { readonly isNamed: boolean }

async function textFor(
  { model, data, format, maxTokens, holdout, packs = false, isByExample = false }: CorpusSpec,
  described: Described,
): Promise<ModelCorpus> {
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  const corpus = await withCode('LRC-6001', () => {
    const folder = data.find(isFolder)
    if (folder !== undefined)
      throw new RangeError(
        `${folder}: a model for the task "${described.task}" expected a file, got a folder`,
      )
    return openCorpus({
      ...described,
      groups: data.map((file) => [file]),
      tokenizer,
      format,
      columns: maxTokens,
      holdout,
      folder: tmpdir(),
      packs: described.packs && packs,
      isByExample,
    })
  })
  const row = { columns: maxTokens }
  const isNamed = described.isNamed
  return { ...corpus, task: described.task, isNamed, tokenizer, row, [Symbol.dispose]: () => corpus.close() }
}

async function imagesFor(
  { model, data, format, holdout, isByExample = false }: CorpusSpec,
  { image, labels, classes, task, isNamed }: Described,
  output: Pick<Output, 'progress'>,
): Promise<ModelCorpus> {
  const corpus = await withCode('LRC-6001', async () => {
    if (format !== undefined)
      throw new RangeError(
        `a model for the task "image" expected folders of images, got the format ${format}`,
      )
    if (image === undefined)
      throw new RangeError('the model expected images of one size, got none that it states')
    const processor = await readImageProcessor(model.endsWith('.onnx') ? dirname(model) : model, image)
    const onRead = (images: number): void => output.progress(`reading the data … ${images} images`)
    return await openImageCorpus({ folders: data, processor, labels, classes, holdout, isByExample, onRead })
  })
  return { ...corpus, task, isNamed, row: { columns: 0, image }, [Symbol.dispose]: () => corpus.close() }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** What a loss is a mean over. */
export type Unit = 'token' | 'example' | 'word' | 'image'

/** What the labels of a corpus belong to. */
export function unitOf({ format }: Pick<Corpus<Batch>, 'format'>): Unit {
  if (format === 'images') return 'image'
  if (format === 'classification') return 'example'
  return format === 'tokens' ? 'word' : 'token'
}

/** One line about what was read: how many examples, and what did not fit. */
export function corpusLine(
  { format, examples, cut, dropped, labels }: Corpus<Batch>,
  maxTokens: number,
): string {
  if (format === 'images') return `images: ${examples} of ${labels?.length} classes`
  const left = dropped === 0 ? '' : `, ${dropped} of them left out as nothing to learn was left`
  const short = cut === 0 ? '' : `; ${cut} are longer than ${maxTokens} tokens and were cut${left}`
  return `${format}: ${examples} ${format === 'text' ? 'documents' : 'examples'}${short}`
}
