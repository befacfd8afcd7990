import { type DataFormat, dataFormats, evaluationRows } from '@lorica/peft-core'
import { Command, Option } from 'commander'
import { fraction, positiveInteger } from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import { count, table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { type ModelCorpus, readCorpus } from './corpus.js'
import { type EngineChoice, withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { openSession } from './session.js'

interface EvalOptions extends EngineChoice {
  readonly model: string
  readonly adapter?: string
  readonly data: readonly string[]
  readonly format?: DataFormat
  readonly holdout?: number
  readonly batch: number
  readonly maxTokens: number
}

/** An adapter that changes nothing: its B is zero. */
const BASE = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

/** `lorica eval`: how well a model predicts text. */
export function evalCommand(): Command {
  const command = new Command('eval')
    .description('measure a model, with or without an adapter, on data files')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder')
    .requiredOption('--data <file>', 'data to predict; may be repeated', collect)
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
    .option('--batch <rows>', 'rows in one batch', positiveInteger, 16)
    .option('--max-tokens <n>', 'tokens in one row, at most', positiveInteger, 128)
  return runs(withEngineOptions(command), (options: EvalOptions, output) =>
    withCode('LRC-7004', () => evaluate(options, output)),
  )
}

async function evaluate(options: EvalOptions, output: Output): Promise<void> {
  const { data, holdout = 0 } = options
  const corpora: ModelCorpus[] = []
  try {
    for (const file of data) corpora.push(await readCorpus({ ...options, data: [file], holdout }))
    await measure(options, corpora, output)
  } finally {
    for (const corpus of corpora) corpus.close()
  }
}

async function measure(options: EvalOptions, corpora: readonly ModelCorpus[], output: Output): Promise<void> {
  const { batch: rows, maxTokens: columns, model, data } = options
  await using session = await openSession({
    model,
    adapter: options.adapter ?? BASE,
    rows,
    columns,
    seed: 0,
    engine: options,
  })
  const files = []
  for (const [index, { train, heldOut }] of corpora.entries()) {
    output.progress(`file ${index + 1}/${corpora.length}`)
    const { lossSum, tokens, seconds } = await session.engine.evaluate(
      session.adapter.tensors,
      evaluationRows(heldOut[0] ?? train, rows),
    )
    files.push({ file: data[index] as string, loss: lossSum / tokens, lossSum, tokens, seconds })
  }
  const tokens = files.reduce((sum, file) => sum + file.tokens, 0)
  const loss = files.reduce((sum, file) => sum + file.lossSum, 0) / tokens
  const perFile = files.map(({ lossSum: _, ...file }) => file)
  output.result({ loss, perplexity: Math.exp(loss), tokens, files: perFile, engine: session.engine.facts }, [
    ...table([
      ['file', 'tokens', 'loss'],
      ...perFile.map((file) => [file.file, count(file.tokens), file.loss.toFixed(4)]),
    ]),
    '',
    `loss ${loss.toFixed(4)} nats per token, perplexity ${Math.exp(loss).toFixed(2)}, on ${count(tokens)} tokens`,
  ])
}
