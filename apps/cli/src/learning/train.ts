import { existsSync } from 'node:fs'
import {
  type Batches,
  batchesIn,
  type DataFormat,
  dataFormats,
  evaluationRows,
  type RowSource,
  trainingRows,
  writeAdapter,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { Command, Option } from 'commander'
import {
  fraction,
  needed,
  nonNegativeNumber,
  positiveInteger,
  positiveNumber,
  wholeNumber,
} from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { corpusLine, readCorpus } from './corpus.js'
import { type EngineChoice, withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { type MethodOptions, peftSpecOf, withMethod } from './method.js'
import { type RecomputeChoice, recomputeOption } from './recompute.js'
import { type LearningSession, openSession } from './session.js'

interface TrainOptions extends MethodOptions, EngineChoice {
  readonly model: string
  readonly data: readonly string[]
  readonly out: string
  readonly adapter?: string
  readonly format?: DataFormat
  readonly steps: number
  readonly epochs?: number
  readonly batch: number
  readonly maxTokens: number
  readonly learningRate: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly schedule: 'constant' | 'linear' | 'cosine'
  readonly warmupSteps: number
  readonly accumulate: number
  readonly holdout: number
  readonly seed: number
  readonly recompute: RecomputeChoice
}

/** Adam's constants, as torch.optim.AdamW has them. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const

/** `lorica train`: an adapter from the data of this machine alone. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train an adapter on files of this machine, without a fleet')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder')
    .requiredOption(
      '--data <file>',
      'data to train on (.txt: paragraphs; .jsonl, .csv: records); may be repeated',
      collect,
    )
    .addOption(
      new Option(
        '--format <format>',
        'what the records are (default: by the model’s task and their fields)',
      ).choices(dataFormats),
    )
    .requiredOption('--out <folder>', 'where the adapter goes (a PEFT folder; must not exist)')
    .option('--adapter <folder>', 'go on from this PEFT adapter instead of a fresh one')
    .option('--steps <n>', 'optimizer steps', positiveInteger, 100)
    .option('--epochs <n>', 'passes over the data, instead of --steps', positiveNumber)
    .option('--batch <rows>', 'rows (windows of text, or examples) in one batch', positiveInteger, 8)
    .option('--max-tokens <n>', 'tokens in one row, at most', positiveInteger, 128)
    .option('--learning-rate <lr>', 'highest learning rate', positiveNumber, 1e-3)
    .option('--weight-decay <w>', 'decoupled weight decay', nonNegativeNumber, 0)
    .option(
      '--clip-norm <norm>',
      'greatest L2 norm of a step’s gradient; 0: not clipped',
      nonNegativeNumber,
      1,
    )
    .addOption(
      new Option('--schedule <kind>', 'learning rate over the steps')
        .choices(['constant', 'linear', 'cosine'])
        .default('cosine'),
    )
    .option('--warmup-steps <n>', 'steps over which the learning rate rises', wholeNumber, 0)
    .option('--accumulate <n>', 'batches per optimizer step', positiveInteger, 1)
    .option('--holdout <share>', 'share of each file kept for evaluation, such as 10%', fraction, 0.1)
    .option('--seed <n>', 'the same seed and data give the same bytes', wholeNumber, 1)
    .addOption(recomputeOption())
  withMethod(command)
  return runs(withEngineOptions(command), (options: TrainOptions, output) =>
    withCode('LRC-7004', () => train(options, output)),
  )
}

async function train(options: TrainOptions, output: Output): Promise<void> {
  if (existsSync(options.out)) {
    throw new LoricaError('LRC-8003', `"${options.out}" is already there`, {
      expected: 'a folder that does not exist yet',
      action: 'Give another --out.',
    })
  }
  const { batch: rows, maxTokens: columns, seed, model, accumulate } = options
  output.progress('reading the data …')
  using corpus = await readCorpus({ ...options, data: needed(options.data, '--data') })
  output.line(corpusLine(corpus, columns))
  const steps =
    options.epochs === undefined
      ? options.steps
      : Math.ceil(batchesIn(corpus.train, options.epochs, { rows, seed }) / accumulate)
  output.progress('reading the model …')
  await using session = await openSession({
    model,
    adapter: options.adapter ?? (await peftSpecOf(options, model)),
    rows,
    columns,
    seed,
    engine: options,
    recompute: options.recompute,
  })
  const before = await heldOutLoss(session, corpus.heldOut, rows)
  const batches = trainingRows(corpus.train, { rows, steps: steps * accumulate, seed, firstStep: 0 })
  const trained = await session.engine.train(
    jobOf({ ...options, steps }, session, batches),
    ({ step, loss, tokensPerSecond, learningRate }) => {
      const left = duration(
        ((steps - step - 1) * rows * columns * options.accumulate) / Math.max(tokensPerSecond, 1),
      )
      output.progress(
        `step ${step + 1}/${steps}  loss ${loss.toFixed(4)}  ${count(tokensPerSecond)} tokens/s  lr ${learningRate.toExponential(1)}  ${left} left`,
      )
    },
  )
  const adapter = { ...session.adapter, tensors: trained.tensors }
  const after = await heldOutLoss({ ...session, adapter }, corpus.heldOut, rows)
  await writeAdapter(options.out, adapter)
  const document = {
    adapter: options.out,
    steps,
    format: corpus.format,
    examples: corpus.examples,
    cut: corpus.cut,
    tokens: trained.tokens,
    tokensPerSecond: trained.tokens / trained.seconds,
    seconds: trained.seconds,
    parameters: session.parameters,
    engine: session.engine.facts,
    firstLoss: trained.losses[0],
    lastLoss: trained.losses.at(-1),
    heldOutLoss: { before, after },
  }
  const held =
    before === null || after === null
      ? 'nothing was held out'
      : `held-out loss ${before.toFixed(4)} -> ${after.toFixed(4)} nats per token`
  output.result(document, [
    `trained ${count(session.parameters)} parameters on ${count(trained.tokens)} tokens in ${duration(trained.seconds)} (${count(document.tokensPerSecond)} tokens/s)`,
    held,
    `adapter: ${options.out}`,
    '',
    `try it: lorica generate --model ${model} --adapter ${options.out} --prompt "Once upon a time"`,
  ])
}

function jobOf(
  options: TrainOptions,
  session: LearningSession,
  batches: Batches,
): Parameters<LearningSession['engine']['train']>[0] {
  const { learningRate, weightDecay, clipNorm, schedule, warmupSteps, steps, accumulate } = options
  return {
    tensors: session.adapter.tensors,
    batches,
    optimizer: { ...ADAM, learningRate, weightDecay, ...(clipNorm === 0 ? {} : { clipNorm }) },
    schedule: { kind: schedule, warmupSteps, totalSteps: steps, firstStep: 0 },
    accumulate,
  }
}

/** Mean nats per prediction over all held-out rows, or null when nothing is held out. */
export async function heldOutLoss(
  { adapter, engine }: Pick<LearningSession, 'adapter' | 'engine'>,
  heldOut: readonly RowSource[],
  rows: number,
): Promise<number | null> {
  if (heldOut.length === 0) return null
  const { lossSum, tokens } = await engine.evaluate(adapter.tensors, rowsOf(heldOut, rows))
  return tokens === 0 ? null : lossSum / tokens
}

function* rowsOf(sources: readonly RowSource[], rows: number) {
  for (const source of sources) yield* evaluationRows(source, rows)
}
