import {
  type Batches,
  type Corpus,
  type DataFormat,
  describeModel,
  evaluationRows,
  openCorpus,
  openTokenizer,
  type PoissonPlan,
  type PrivateSteps,
  poissonSteps,
  samplingRate,
  trainingRows,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { privateFault } from './fault.js'
import { type Asked, type Overlap, overlapOf } from './overlap.js'

/** How a base reads the data of this machine. */
export interface Reading {
  /** The folder of the base, for its tokenizer. */
  readonly model: string
  readonly format: DataFormat
  readonly columns: number // tokens of one row, at most
  readonly holdout: number // share of the data kept for evaluation
}

export interface TrainingPlan {
  readonly rows: number
  readonly steps: number // batches, all told
  readonly firstStep: number // batches of the run before these
  readonly seed: number
}

/** Steps by a chance of each example, or by how many examples take part on average. */
export type ExamplePlan = Pick<PoissonPlan, 'rows' | 'steps'> &
  ({ readonly expectedExamples: number } | { readonly samplingRate: number })

/**
 * The private data as batches, made as they are taken. It is read and tokenised once for a reading, into a file that only
 * this process can open and that is gone with it: memory does not grow with the data.
 */
export interface PrivateBatches {
  training(reading: Reading, plan: TrainingPlan): Promise<Batches>
  /**
   * Steps whose examples each take part by a secret coin, and its probability. Each record or document is an example and makes one
   * row. Throws LRC-6002 when there are fewer examples than a step has on average.
   */
  byExample(reading: Reading, plan: ExamplePlan): Promise<{ steps: PrivateSteps; samplingRate: number }>
  /** Held-out rows: as many as fit into `maxTokens`, at least one, evenly spread; null: all of them. */
  heldOut(reading: Reading, rows: number, maxTokens: number | null): Promise<Batches>
  /** What training data and held-out examples have in common with texts that are known by hashes, and with each other. */
  overlap(reading: Reading, asked: Asked): Promise<Overlap>
}

/** Opens the private files for training; they are read at the first request. `folder` takes the file that passes. */
export function openBatches(paths: readonly string[], folder: string): PrivateBatches {
  let current: { readonly key: string; readonly corpus: Promise<Corpus> } | undefined

  const corpusOf = async (reading: Reading, isByExample = false): Promise<Corpus> => {
    const key = JSON.stringify([reading.model, reading.format, reading.columns, reading.holdout, isByExample])
    if (current?.key !== key) {
      const earlier = current?.corpus
      const corpus = readCorpus(paths, { ...reading, isByExample }, folder)
      current = { key, corpus }
      earlier?.then((opened) => opened.close()).catch(() => {})
      corpus.catch(() => {
        if (current?.corpus === corpus) current = undefined
      })
    }
    return await current.corpus
  }

  return {
    async training(reading, plan) {
      const { train } = await corpusOf(reading)
      return { [Symbol.iterator]: () => trainingRows(train, plan) }
    },
    async byExample(reading, plan) {
      const { train } = await corpusOf(reading, true)
      const expectedExamples =
        'samplingRate' in plan ? plan.samplingRate * train.count : plan.expectedExamples
      if (expectedExamples > train.count) {
        throw new LoricaError('LRC-6002', `${paths.join(', ')}: too little data`, {
          expected: `at least ${expectedExamples} records or paragraphs, as many as a step has on average`,
          received: 'less',
        })
      }
      const { rows, steps } = plan
      return {
        steps: poissonSteps(train, { expectedExamples, rows, steps }),
        samplingRate: samplingRate(train, expectedExamples),
      }
    },
    async heldOut(reading, rows, maxTokens) {
      const [heldOut] = (await corpusOf(reading)).heldOut
      if (heldOut === undefined) return []
      const all = heldOut.inOrder().count
      const whole = heldOut.wholeRows ?? all
      const wanted = Math.max(1, Math.floor((maxTokens ?? 0) / reading.columns))
      const isAll = maxTokens === null || whole === 0
      const chosen = isAll ? undefined : spread(whole, Math.min(whole, wanted))
      const size = Math.min(rows, chosen?.length ?? all)
      return { [Symbol.iterator]: () => evaluationRows(heldOut, size, chosen) }
    },
    async overlap(reading, asked) {
      return await overlapOf(await corpusOf(reading), asked)
    },
  }
}

/** `count` rows that lie evenly over all of them. */
function spread(rows: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((index * rows) / count))
}

async function readCorpus(
  paths: readonly string[],
  reading: Reading & { readonly isByExample: boolean },
  folder: string,
): Promise<Corpus> {
  const { model, format, columns, holdout, isByExample } = reading
  const described = await describeModel(model).catch((cause: Error) => {
    throw new LoricaError('LRC-7001', cause.message, { cause })
  })
  const tokenizer = await openTokenizer(model).catch((cause: Error) => {
    throw new LoricaError('LRC-7005', cause.message, { cause })
  })
  const { classes, labels = numbered(classes) } = described // every machine has to give a class the same number
  const options = {
    ...described,
    labels,
    groups: [paths],
    tokenizer,
    format,
    columns,
    holdout,
    folder,
    packs: false,
    isByExample,
  }
  return await openCorpus(options).catch((cause: Error) => {
    throw privateFault(paths, format, cause)
  })
}

function numbered(classes: number | undefined): readonly string[] | undefined {
  return classes === undefined ? undefined : Array.from({ length: classes }, (_, number) => String(number))
}
