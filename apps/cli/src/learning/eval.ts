import { createMetricsTally, type DataFormat, dataFormats, evaluationRows } from '@lorica/peft-core'
import { Command, Option } from 'commander'
import { fraction, positiveInteger } from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { type Classes, headOf, readClasses } from './classes-file.js'
import { type ModelCorpus, readCorpus } from './corpus.js'
import { type EngineChoice, withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { measureEach } from './measured.js'
import { type FileMetrics, metricsDocument, metricsLines } from './metrics.js'
import { openPredictions } from './predictions-file.js'
import { isPrivatelyTrained } from './privacy-file.js'
import { openSession } from './session.js'

interface EvalOptions extends EngineChoice {
  readonly model: string
  readonly adapter?: string
  readonly data: readonly string[]
  readonly format?: DataFormat
  readonly holdout?: number
  readonly byExample?: boolean
  readonly batch: number
  readonly maxTokens: number
  readonly predictions?: string
}

/** An adapter that changes nothing: its B is zero. */
const BASE = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

/** `lorica eval`: how well a model predicts, and how fast. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('measure a model, with or without an adapter, on data files')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
    .requiredOption(
      '--data <file>',
      'data to predict: a file, or a folder with a sub-folder of images for each class; may be repeated',
      collect,
    )
    .option('--adapter <folder>', 'a PEFT adapter')
    .addOption(
      new Option(
        '--format <format>',
        'what the records are (default: by the model’s task and their fields)',
      ).choices(dataFormats),
    )
    .option(
      '--holdout <share>',
      'measure only the share of each file that training with this --holdout leaves out',
      fraction,
    )
    .option(
      '--by-example',
      'divide as private training does, each example by its own hash (default: with an adapter that it made)',
    )
    .option('--batch <rows>', 'rows in one batch', positiveInteger, 16)
    .option('--max-tokens <n>', 'tokens in one row, at most', positiveInteger, 128)
    .option('--predictions <file>', 'write a JSON line for each label: what was predicted (must not exist)')
  return runs(withEngineOptions(command), (options: EvalOptions, output) =>
    withCode('LRC-7004', () => evaluate(options, output)),
  )
}

async function evaluate(options: EvalOptions, output: Output): Promise<void> {
  const { data, holdout = 0, adapter } = options
  const classes = adapter === undefined ? undefined : await withCode('LRC-7003', () => readClasses(adapter))
  const isByExample = options.byExample === true || (adapter !== undefined && isPrivatelyTrained(adapter))
  const corpora: ModelCorpus[] = []
  try {
    for (const file of data)
      corpora.push(await readCorpus({ ...options, ...classes, data: [file], holdout, isByExample }, output))
    await measure({ ...options, classes }, corpora, output)
  } finally {
    for (const corpus of corpora) corpus.close()
  }
}

async function measure(
  options: EvalOptions & { readonly classes: Classes | undefined },
  corpora: readonly ModelCorpus[],
  output: Output,
): Promise<void> {
  const { batch: rows, model, data, classes } = options
  const { task, labels, row, tokenizer } = corpora[0] as ModelCorpus
  await using session = await openSession({
    model,
    adapter: options.adapter ?? BASE,
    rows,
    ...row,
    head: headOf(classes),
    seed: 0,
    engine: options,
    purpose: 'measure',
  })
  const { engine, adapter } = session
  const predictsTokens = task === 'causal' || task === 'masked'
  using predictions =
    options.predictions === undefined
      ? undefined
      : openPredictions(options.predictions, { tokenizer, labels, predictsTokens })
  const all = createMetricsTally(task)
  const files: FileMetrics[] = []
  let classCount = 0
  for (const [index, { train, heldOut }] of corpora.entries()) {
    const file = data[index] as string
    output.progress(`file ${index + 1}/${corpora.length}`)
    const own = createMetricsTally(task)
    const source = heldOut[0] ?? train
    const batches = evaluationRows(source, rows)
    const { classes, seconds } = await measureEach(
      { engine, tensors: adapter.tensors },
      batches,
      (batch, measured) => {
        own.add(measured)
        all.add(measured)
        predictions?.add({ file, fileOf: source.fileOf }, batch, measured)
      },
    )
    classCount = classes
    files.push({ file, seconds, metrics: own.metrics(classes) })
  }
  predictions?.keep()
  const total = all.metrics(classCount)
  output.result(
    { ...metricsDocument(files, total, labels), engine: engine.facts },
    metricsLines(files, total, labels),
  )
}
