/**
 * Trains the small base model that the demo fine-tunes, from random weights, on Moby Dick:
 *
 *     npm run pretrain -- FOLDER
 *
 * The folder it makes is an ordinary Hugging Face model.
 * @module
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  createPeftConfig,
  type Engine,
  evaluationBatches,
  type OptimizerState,
  openTokenizer,
  packWindows,
  splitHoldout,
  startEngine,
  type TensorMap,
  type Tokenizer,
  trainingBatches,
  type Windows,
} from '@lorica/peft-core'
import { cardText } from './card.js'
import { recipe } from './recipe.js'
import { mobyDickParagraphs } from './text.js'
import { END_OF_TEXT, trainTokenizer } from './tokenizer.js'
import { llamaConfig, startWeights, weightFile } from './weights.js'

const optimizer = {
  weightDecay: recipe.weightDecay,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  decayMatricesOnly: true,
}
/** Training every weight needs no adapter; the engine only asks for one's shape. */
const unused = createPeftConfig({ method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false })

async function pretrain(folder: string): Promise<void> {
  const paragraphs = mobyDickParagraphs()
  const { train, heldOut } = splitHoldout(paragraphs, recipe.holdout)
  const weights = startWeights(recipe)
  await writeFolder(folder, train, weights)
  const tokenizer = await openTokenizer(folder)
  const text = windowsOf(train, tokenizer)
  const measured = windowsOf(heldOut, tokenizer)
  report(`${text.tokens.length} tokens to train on, ${measured.tokens.length} held out`)
  await using engine = await startEngine({ threads: recipe.threads })
  const { parameters } = await engine.open({
    model: folder,
    config: unused,
    rows: recipe.batch,
    columns: recipe.tokensPerWindow,
    trainable: 'all',
  })
  report(`${parameters} parameters`)
  const startedMs = performance.now()
  const trained = await trainAll(engine, weights, text, measured)
  const seconds = (performance.now() - startedMs) / 1000
  await writeWeights(folder, weightFile(trained, 'bfloat16'))
  const loss = await heldOutLoss(engine, trained, measured)
  const heldOutBytes = heldOut.reduce((sum, paragraph) => sum + Buffer.byteLength(paragraph) + 1, 0)
  const natsPerByte = (loss * measured.tokens.length) / heldOutBytes
  await writeFile(
    join(folder, 'README.md'),
    cardText({ recipe, parameters, loss, natsPerByte, tokens: text.tokens.length, seconds }),
  )
  report(`held-out loss ${loss.toFixed(4)} nats per token, ${natsPerByte.toFixed(4)} per byte; ${folder}`)
}

/** Trains in jobs of a few steps, so that progress shows and the weights are kept now and then. */
async function trainAll(
  engine: Engine,
  start: TensorMap,
  text: Windows,
  measured: Windows,
): Promise<TensorMap> {
  const { steps, batch: rows, seed, reportEverySteps, warmupSteps, learningRate, clipNorm } = recipe
  let tensors = start
  let state: OptimizerState | undefined
  for (let firstStep = 0; firstStep < steps; firstStep += reportEverySteps) {
    const batches = trainingBatches(text, {
      rows,
      steps: Math.min(reportEverySteps, steps - firstStep),
      seed,
      firstStep,
    })
    const job = await engine.train({
      tensors,
      batches,
      optimizer: { ...optimizer, learningRate, clipNorm },
      schedule: { kind: 'cosine', warmupSteps, totalSteps: steps, firstStep },
      accumulate: 1,
      keepState: true,
      ...(state === undefined ? {} : { state }),
    })
    tensors = job.tensors
    state = job.optimizer
    const mean = job.losses.reduce((sum, loss) => sum + loss, 0) / job.losses.length
    const done = firstStep + batches.length
    const held =
      done % (reportEverySteps * 4) === 0
        ? `  held out ${(await heldOutLoss(engine, tensors, measured)).toFixed(4)}`
        : ''
    report(
      `step ${done}/${steps}  loss ${mean.toFixed(4)}  ${Math.round(job.tokens / job.seconds)} tokens/s${held}`,
    )
  }
  return tensors
}

async function heldOutLoss(engine: Engine, tensors: TensorMap, windows: Windows): Promise<number> {
  const { lossSum, tokens } = await engine.evaluate(tensors, evaluationBatches(windows, recipe.batch))
  return lossSum / tokens
}

function windowsOf(paragraphs: readonly string[], tokenizer: Tokenizer): Windows {
  const { separator, padId } = tokenizer
  return packWindows(
    paragraphs.map((paragraph) => tokenizer.encode(paragraph)),
    { columns: recipe.tokensPerWindow, separator, padId },
  )
}

async function writeFolder(folder: string, paragraphs: readonly string[], weights: TensorMap): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = trainTokenizer(paragraphs, recipe.vocabulary)
  const endOfTextId = 0
  const config = llamaConfig(recipe, endOfTextId)
  const generation = {
    bos_token_id: endOfTextId,
    eos_token_id: endOfTextId,
    do_sample: true,
    temperature: 0.8,
    top_p: 0.95,
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  await writeFile(join(folder, 'generation_config.json'), `${JSON.stringify(generation, null, 2)}\n`)
  await writeWeights(folder, weightFile(weights, 'float32'))
}

async function writeWeights(folder: string, bytes: Uint8Array): Promise<void> {
  const staging = join(folder, 'model.safetensors.part')
  await writeFile(staging, bytes)
  await rename(staging, join(folder, 'model.safetensors'))
  await rm(staging, { force: true })
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  report(`usage: npm run pretrain -- FOLDER   (the end of a text is ${END_OF_TEXT})`)
  process.exitCode = 2
} else {
  await pretrain(resolve(folder))
}
