import { appendFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { batchesIn, dataFormats, plainAdapter, writeAdapter } from '@lorica/peft-core'
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
import { expectNewFolder } from '../screen/place.js'
import { type Classes, classesFile, classesOf, headOf, readClasses } from './classes-file.js'
import { corpusLine, readCorpus, unitOf } from './corpus.js'
import { withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { peftSpecOf, withMethod } from './method.js'
import { isPrivate, withPrivateOptions } from './private-options.js'
import { trainPrivate } from './private-train.js'
import { recomputeOption } from './recompute.js'
import { firstAdapter, type Settings, startOf } from './resume.js'
import { openSession } from './session.js'
import { planOf, type TrainOptions } from './train-plan.js'
import { type OpenRows, runTraining, type Trained } from './training.js'
import { trialOf } from './trial.js'

/** `lorica train`: an adapter from the data of this machine alone. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train an adapter on files of this machine, without a fleet')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder')
    .requiredOption(
      '--data <file>',
      'data to train on (.txt: paragraphs; .jsonl, .csv: records; a folder: a sub-folder of images for each class); may be repeated',
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
    .addOption(
      new Option(
        '--new-head <task>',
        'a fresh classifier of texts, of their words or of images, for the classes of the data, in place of the model’s head; trained whole and kept with the adapter',
      ).choices(['sequence', 'token', 'image']),
    )
    .option('--steps <n>', 'optimizer steps', positiveInteger, 100)
    .option('--epochs <n>', 'passes over the data, instead of --steps', positiveNumber)
    .option('--batch <rows>', 'rows (windows of text, or examples) in one batch', positiveInteger, 8)
    .option('--max-tokens <n>', 'tokens in one row, at most', positiveInteger, 128)
    .option('--learning-rate <lr>', 'highest learning rate', positiveNumber, 1e-3)
    .addOption(
      new Option('--optimizer <kind>', 'what follows the gradients (default: adamw)').choices([
        'adamw',
        'sgd',
      ]),
    )
    .option('--weight-decay <w>', 'decoupled weight decay', nonNegativeNumber, 0)
    .option(
      '--proximal <mu>',
      'FedProx: adds mu / 2 times the squared distance from the start to the loss (default: none)',
      nonNegativeNumber,
    )
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
    .option('--checkpoint-every <n>', 'steps between checkpoints, in OUT.checkpoints', positiveInteger)
    .option('--resume', 'go on from the last checkpoint of the same command')
    .option('--log <file>', 'append a JSON line a step: loss, gradient norm, learning rate, speed')
    .option('--holdout <share>', 'share of each file kept for evaluation, such as 10%', fraction, 0.1)
    .option('--seed <n>', 'the same seed and data give the same bytes', wholeNumber, 1)
    .addOption(recomputeOption())
  withMethod(command)
  withPrivateOptions(command)
  return runs(withEngineOptions(command), (options: TrainOptions, output) =>
    withCode('LRC-7004', () => (isPrivate(options) ? trainPrivate : train)(options, output)),
  )
}

async function train(options: TrainOptions, output: Output): Promise<void> {
  expectNewFolder(options.out)
  if (options.log !== undefined) expectWritable(options.log)
  const { batch: rows, maxTokens, seed, model, accumulate } = options
  output.progress('reading the data …')
  const packs = options.adapter === undefined && options.method !== 'prompt' // tokens of a prompt stand before each row
  const earlier = await earlierClasses(options)
  const data = needed(options.data, '--data')
  using corpus = await readCorpus({ ...options, ...earlier, data, packs }, output)
  const classes = classesOf(corpus, options.newHead ?? earlier?.newHead)
  output.line(corpusLine(corpus, maxTokens))
  const unit = unitOf(corpus)
  const steps =
    options.epochs === undefined
      ? options.steps
      : Math.ceil(batchesIn(corpus.train, options.epochs, { rows, seed }) / accumulate)
  const images = corpus.format === 'images' ? { images: corpus.examples } : {}
  const settings = { ...settingsOf({ ...options, steps }), ...images }
  const folder = `${options.out}.checkpoints`
  const begun = await startOf(folder, settings, options.resume === true)
  output.progress('reading the model …')
  const fresh = options.adapter ?? (await peftSpecOf(options, model))
  const head = headOf(classes, seed)
  const isPulledBack = options.proximal !== undefined && begun.adapter !== undefined
  const start = isPulledBack ? { ...begun, anchor: await firstAdapter(fresh, { model, seed, head }) } : begun
  const open: OpenRows = (fewer, adapter) =>
    openSession({
      model,
      adapter: adapter ?? fresh,
      rows: fewer,
      ...corpus.row,
      head,
      seed,
      engine: options,
      recompute: options.recompute,
    })
  const { columns } = corpus.row
  const plan = { ...planOf({ ...options, steps }), columns, unit, folder, notes: { settings } }
  const sources = { source: corpus.train, heldOut: corpus.heldOut }
  const trained = await runTraining({ data: sources, start, open }, plan, output)
  const { before, after } = trained.heldOutLoss
  if (trained.stoppedAt !== undefined) return showStop(trained, steps, output)
  const plain = plainAdapter(trained.adapter, trained.session.starts)
  await writeAdapter(options.out, plain, classesFile(classes))
  await rm(folder, { recursive: true, force: true })
  const document = {
    adapter: options.out,
    steps,
    format: corpus.format,
    examples: corpus.examples,
    cut: corpus.cut,
    tokens: trained.tokens,
    tokensPerSecond: trained.tokens / trained.seconds,
    seconds: trained.seconds,
    parameters: trained.session.parameters,
    engine: trained.session.facts,
    firstLoss: trained.losses[0],
    lastLoss: trained.losses.at(-1),
    losses: trained.losses,
    heldOutLoss: { before, after },
  }
  const held =
    before === null || after === null
      ? 'nothing was held out'
      : `held-out loss ${before.toFixed(4)} -> ${after.toFixed(4)} nats per ${unit}`
  output.result(document, [
    `trained ${count(trained.session.parameters)} parameters on ${count(trained.tokens)} ${unit}s in ${duration(trained.seconds)} (${count(document.tokensPerSecond)} ${unit}s/s)`,
    held,
    `adapter: ${options.out}`,
    '',
    `try it: ${trialOf(options, corpus.task)}`,
  ])
}

/** What the adapter says of its classes from which training goes on. LRC-8001 for another head than it has. */
async function earlierClasses({ adapter, newHead }: TrainOptions): Promise<Classes | undefined> {
  if (adapter === undefined) return undefined
  if (newHead !== undefined)
    throw new LoricaError('LRC-8001', '--new-head is for a fresh adapter, not for one to go on from')
  return await withCode('LRC-7003', () => readClasses(adapter))
}

/** LRC-8003 before anything is computed when a file cannot get further lines. */
function expectWritable(file: string): void {
  try {
    appendFileSync(file, '')
  } catch (cause) {
    throw new LoricaError('LRC-8003', `--log "${file}" cannot be written: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Options that change nothing of what is trained. */
const INCIDENTAL: readonly string[] = ['out', 'resume', 'log', 'checkpointEvery', 'json']

/** What a run depends on, so that one that goes on is the same. */
function settingsOf(options: TrainOptions): Settings {
  const { model, data, adapter } = options
  const files = data.map((file) => ({ file: resolve(file), sizeBytes: statSync(file).size }))
  const kept = Object.entries(options).filter(([name]) => !INCIDENTAL.includes(name))
  const from = adapter === undefined ? {} : { adapter: resolve(adapter) }
  return { ...Object.fromEntries(kept), model: resolve(model), data: files, ...from }
}

/** Says how to go on; the exit status is that of a program that Ctrl-C ended. */
function showStop({ step, stoppedAt, losses }: Trained, steps: number, output: Output): void {
  output.result({ stopped: true, step, steps, checkpoint: stoppedAt, losses }, [
    `stopped after step ${step} of ${steps}: ${stoppedAt}`,
    'go on with the same command and --resume',
  ])
  process.exitCode = 130
}
