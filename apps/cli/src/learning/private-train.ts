import { plainAdapter, rowsAtOnce, writeAdapter } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { needed } from '../screen/argument.js'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { expectNewFolder } from '../screen/place.js'
import { corpusLine, type ModelCorpus, readCorpus, unitOf } from './corpus.js'
import { withCode } from './errors.js'
import { peftSpecOf } from './method.js'
import { PRIVACY_FILE } from './privacy-file.js'
import { expectPrivate, type PrivatePlan, privatePlan, promise } from './private-options.js'
import { type PrivateStart, runPrivateTraining } from './private-training.js'
import { openSession } from './session.js'
import { planOf, type TrainOptions } from './train-plan.js'
import type { OpenRows } from './training.js'
import { trialOf } from './trial.js'

/** `lorica train --dp-…`: an adapter that is differentially private for each example. */
export async function trainPrivate(options: TrainOptions, output: Output): Promise<void> {
  expectNewFolder(options.out)
  expectPrivate(options)
  const { maxTokens, seed, model, batch } = options
  output.progress('reading the data …')
  const data = needed(options.data, '--data')
  using corpus = await readCorpus({ ...options, data, isByExample: true }, output)
  expectNamedClasses(corpus)
  output.line(corpusLine(corpus, maxTokens))
  const plan = await withCode('LRC-6001', () => planFor(options, corpus))
  for (const line of promise(plan)) output.line(line)
  const fresh = options.adapter ?? (await peftSpecOf(options, model))
  const open: OpenRows = (rows) =>
    openSession({
      ...{ model, adapter: fresh, rows, ...corpus.row, seed },
      ...{ engine: options, recompute: options.recompute, purpose: 'evaluate' },
    })
  const { columns } = corpus.row
  const whole = {
    ...planOf({ ...options, steps: plan.steps }),
    columns,
    unit: unitOf(corpus),
    folder: '',
    notes: {},
  }
  const heldOut = corpus.heldOut.filter(({ count }) => count > 0)
  const sources = { source: corpus.train, heldOut, open, start: startOf(options) }
  const trained = await runPrivateTraining(sources, whole, plan, output)
  await writeAdapter(options.out, plainAdapter(trained.adapter, trained.session.starts), {
    [PRIVACY_FILE]: `${JSON.stringify(privacyOf(plan), null, 2)}\n`,
  })
  const { before, after } = trained.heldOutLoss
  const document = {
    adapter: options.out,
    steps: plan.steps,
    format: corpus.format,
    examples: corpus.examples,
    cut: corpus.cut,
    seconds: trained.seconds,
    parameters: trained.parameters,
    rowsAtOnce: rowsAtOnce(batch, columns),
    engine: trained.session.facts,
    privacy: privacyOf(plan),
    heldOutLoss: { before, after },
  }
  const held =
    before === null || after === null
      ? 'nothing was held out'
      : `held-out loss ${before.toFixed(4)} -> ${after.toFixed(4)} nats per ${whole.unit}`
  output.result(document, [
    `trained ${count(trained.parameters)} parameters in ${duration(trained.seconds)} (${(trained.seconds / plan.steps).toFixed(2)} s a step)`,
    held,
    `adapter: ${options.out}`,
    '',
    `try it: ${trialOf(options, corpus.task)}`,
  ])
}

const startOf = ({ dpFreezeA, adapter }: TrainOptions): PrivateStart => {
  if (dpFreezeA !== true) return 'as it is'
  return adapter === undefined ? 'orthonormal A, frozen' : 'A frozen'
}

function planFor(options: TrainOptions, { train }: ModelCorpus): PrivatePlan {
  const { batch, epochs } = options
  const examples = train.count
  if (batch > examples)
    throw new RangeError(`--batch ${batch} expected at least as many examples to train on, got ${examples}`)
  const samplingRate = batch / examples
  const steps = epochs === undefined ? options.steps : Math.ceil(epochs / samplingRate)
  return privatePlan(options, { samplingRate, steps, examples })
}

/** The names of classes that only the data have would be written beside the adapter. */
function expectNamedClasses({ labels, isNamed, format }: ModelCorpus): void {
  if (labels === undefined || isNamed) return
  throw new LoricaError(
    'LRC-8001',
    `private training on ${format} expected a model that names its classes; those of the data would be told`,
  )
}

/** What whoever gets the adapter may know. */
function privacyOf({
  epsilon,
  delta,
  accountant,
  order,
  clip,
  noiseMultiplier,
  samplingRate,
  steps,
}: PrivatePlan) {
  return {
    unit: 'example',
    adjacency: 'add or remove one',
    ...{ epsilon, delta, accountant, order, clip, noiseMultiplier, samplingRate, sampling: 'poisson', steps },
  }
}
