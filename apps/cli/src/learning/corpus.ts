/**
 * The data files of a command, read for a model.
 * @module
 */
import { tmpdir } from 'node:os'
import {
  type Corpus,
  type CorpusOptions,
  type DataFormat,
  describeModel,
  openCorpus,
  openTokenizer,
} from '@lorica/peft-core'
import { withCode } from './errors.js'

export interface CorpusSpec {
  readonly model: string
  readonly data: readonly string[]
  readonly format?: DataFormat
  readonly maxTokens: number
  readonly holdout: number
  /** Whether several examples may share a row where the model keeps them apart. */
  readonly packs?: boolean
  /** The names of the classes in the order of an adapter's head; the model's own, or those of the data, when absent. */
  readonly labels?: readonly string[] | undefined
}

export interface ModelCorpus extends Corpus, Disposable {
  readonly task: CorpusOptions['task']
}

/** Reads the files; each is split on its own, the same way wherever it is read. LRC-6001 says what does not fit, and where. */
export async function readCorpus({
  model,
  data,
  format,
  maxTokens,
  holdout,
  labels,
  packs = false,
}: CorpusSpec): Promise<ModelCorpus> {
  const described = await withCode('LRC-7001', () => describeModel(model))
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  const corpus = await withCode('LRC-6001', () =>
    openCorpus({
      ...described,
      labels: labels ?? described.labels,
      groups: data.map((file) => [file]),
      tokenizer,
      format,
      columns: maxTokens,
      holdout,
      folder: tmpdir(),
      packs: described.packs && packs,
    }),
  )
  return { ...corpus, task: described.task, [Symbol.dispose]: () => corpus.close() }
}

/** One line about what was read: how many examples, and what did not fit. */
export function corpusLine({ format, examples, cut, dropped }: Corpus, maxTokens: number): string {
  const left = dropped === 0 ? '' : `, ${dropped} of them left out as nothing to learn was left`
  const short = cut === 0 ? '' : `; ${cut} are longer than ${maxTokens} tokens and were cut${left}`
  return `${format}: ${examples} ${format === 'text' ? 'documents' : 'examples'}${short}`
}
