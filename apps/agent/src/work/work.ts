/**
 * One assignment in, one update out. Pure orchestration: what reads files, trains, or knows the time is an argument.
 * @module
 */
import {
  type Adapter,
  type Batches,
  type EngineSpec,
  type ExampleFigures,
  type OptimizerState,
  type SplitAdapter,
  splitAdapter,
  type TensorMap,
  truncatedAdapter,
  withOwn,
} from '@lorica/peft-core'
import { type EvaluateAssignment, LoricaError, type Probes, type TrainAssignment } from '@lorica/protocol'
import { comparisonOf } from '../measuring/comparison.js'
import { probe } from '../measuring/probing.js'
import { correctionFor } from './correction.js'
import { type Delta, deltaOf } from './delta.js'
import { optimizerOf, scheduleOf } from './optimizer.js'
import { trainWithNoise } from './private-work.js'
import { gradientsForSum } from './shared-work.js'
import type { Measured, Update, WorkParts } from './work-parts.js'

/** What earlier rounds of a run left for the next one. */
export interface Carried {
  /** The optimizer goes on from it. */
  readonly moments?: OptimizerState | undefined
  /** What rounding kept back. */
  readonly owed?: TensorMap | undefined
  /** The personal parts of this agent; those of the adapter where it has none. */
  readonly own?: TensorMap | undefined
  /** What this agent's data pulled at, of SCAFFOLD. */
  readonly control?: TensorMap | undefined
}

/**
 * Trains the adapter of an assignment on the private text and returns the clipped difference, encoded as asked. Throws LRC-6xxx and LRC-7xxx, or the signal's reason.
 */
export async function trainUpdate(
  assignment: TrainAssignment,
  parts: WorkParts,
  { moments, owed, own, control }: Carried,
  signal: AbortSignal,
): Promise<Update> {
  const {
    local,
    seed,
    noise,
    maxUpdateNorm: maxNorm,
    update: { encoding } = { encoding: 'f32' },
  } = assignment
  const deadlineAtMs = parts.clock.now() + assignment.deadlineMs
  const { spec, adapter, side, reading } = await prepare(assignment, local.batch, parts, own)
  const { frozen, unsent, personal } = tensorsIn(adapter.tensors, assignment)
  const change = (tensors: TensorMap): Delta =>
    finiteDelta(() => deltaOf(tensors, adapter.tensors, { maxNorm, encoding, noise, owed, unsent }))
  if (assignment.dp !== undefined) {
    const { dp } = assignment
    const given = { assignment, dp, spec, adapter, frozen, side, reading, moments, deadlineAtMs }
    if (dp.noise !== 'shared') {
      const { tensors, ...rest } = await trainWithNoise(given, parts, signal)
      return { delta: change(tensors), ...rest }
    }
    const { tensors, ...rest } = await gradientsForSum(given, parts, signal)
    const zeros = new Map(
      [...tensors].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
    )
    return { delta: finiteDelta(() => deltaOf(tensors, zeros, { maxNorm, encoding: 'f32' })), ...rest }
  }
  const batches = await parts.batches.training(reading, {
    rows: local.batch,
    steps: local.steps * local.accumulate,
    firstStep: local.firstStep * local.accumulate,
    seed,
  })
  signal.throwIfAborted()
  const keepState = local.optimizerState === 'keep'
  const correction = await correctionFor(assignment, { adapter, frozen, control }, parts.control)
  const job = {
    tensors: adapter.tensors,
    batches: parts.owner.whenFree(batches, deadlineAtMs, signal),
    optimizer: {
      ...optimizerOf(local),
      ...(local.clipNorm === null ? {} : { clipNorm: local.clipNorm }),
    },
    schedule: scheduleOf(local),
    accumulate: local.accumulate,
    ...(local.proximal === undefined ? {} : { proximal: { strength: local.proximal } }),
    ...(correction === undefined ? {} : { correction: correction.tensors }),
    ...(frozen.size === 0 ? {} : { frozen: [...frozen] }),
    ...(side === null ? {} : { side: side.tensors }),
    keepState,
    ...(keepState && moments !== undefined ? { state: moments } : {}),
  }
  const result = await parts.trainer.train(spec, job, (step) => parts.onStep(step, local.steps), signal)
  return {
    delta: change(result.tensors),
    examples: local.steps * local.accumulate * local.batch,
    tokens: result.tokens,
    trainMs: result.seconds * 1000,
    lossFirst: result.losses[0] ?? Number.NaN,
    lossLast: result.losses.at(-1) ?? Number.NaN,
    ...(result.optimizer === undefined ? {} : { moments: result.optimizer }),
    ...(personal.length === 0 ? {} : { own: ownOf(result.tensors, personal) }),
    ...(correction === undefined ? {} : { control: correction.after(result) }),
  }
}

/** Measures the adapter of an assignment, with the own parts of this agent, on the text that this machine holds out. Throws as `trainUpdate`. */
export async function measureAdapter(
  assignment: EvaluateAssignment,
  parts: WorkParts,
  { own }: Pick<Carried, 'own'>,
  signal: AbortSignal,
): Promise<Measured> {
  const { batch, maxTokensEvaluated, deadlineMs } = assignment
  const deadlineAtMs = parts.clock.now() + deadlineMs
  const { spec, adapter, reading } = await prepare(assignment, batch, parts, own)
  const batches = await parts.batches.heldOut(reading, batch, maxTokensEvaluated)
  signal.throwIfAborted()
  const unhurried = counted(parts.owner.whenFree(batches, deadlineAtMs, signal), parts.onBatch)
  if (assignment.against === undefined) {
    const { lossSum, tokens, seconds } = await parts.trainer.evaluate(
      spec,
      adapter.tensors,
      unhurried,
      signal,
    )
    if (assignment.secure === undefined) expectLoss(assignment.adapter, lossSum, tokens)
    else expectFinite(assignment.adapter, lossSum)
    return { lossSum, tokens, evaluateMs: seconds * 1000 }
  }
  const examine = async (of: Prepared, { version }: EvaluateAssignment['adapter']) => {
    const figures = await parts.trainer.examine(of.spec, of.adapter.tensors, unhurried, signal)
    expectLoss({ version }, figures.lossSum, figures.labels)
    return figures
  }
  const before = await prepare({ ...assignment, adapter: assignment.against }, batch, parts, own)
  const against = await examine(before, assignment.against)
  const now = await examine({ spec, adapter }, assignment.adapter)
  const { probes } = assignment
  const isOfClasses = assignment.data.format === 'classification'
  const sure = ({ confidences }: ExampleFigures) => (isOfClasses ? { confidences } : {})
  const probing = {
    now: { spec, adapter, ...sure(now) },
    before: { ...before, ...sure(against) },
    tokenizer: once(() => parts.tokenizer(spec.model)),
    batches: unhurried,
    onDone: ticking(parts.onBatch),
    overlap: (asked: NonNullable<Probes['overlap']>) => parts.batches.overlap(reading, asked),
  }
  const probed = probes === undefined ? undefined : await probe(probes, probing, parts.trainer, signal)
  return {
    ...{ lossSum: now.lossSum, tokens: now.labels, evaluateMs: (now.seconds + against.seconds) * 1000 },
    comparison: { ...comparisonOf(now, against), ...(probed === undefined ? {} : { probed }) },
  }
}

/** Counts what is done. */
function ticking(onBatch: WorkParts['onBatch']): () => void {
  let done = 0
  return () => onBatch?.(++done)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

type Prepared = Pick<Awaited<ReturnType<typeof prepare>>, 'spec' | 'adapter'>

function expectLoss(
  { version }: Pick<EvaluateAssignment['adapter'], 'version'>,
  lossSum: number,
  tokens: number,
): void {
  if (tokens > 0 && Number.isFinite(lossSum)) return
  throw new LoricaError('LRC-6011', `the loss of adapter ${version} is ${lossSum} over ${tokens} tokens`)
}

/** The same, without a word of how much is held out, or that nothing is. */
function expectFinite({ version }: Pick<EvaluateAssignment['adapter'], 'version'>, lossSum: number): void {
  if (!Number.isFinite(lossSum))
    throw new LoricaError('LRC-6011', `the loss of adapter ${version} is not finite`)
}

/** Batches that tell how many of them were read; they can be read again where those given can. */
function counted(batches: Batches, onBatch: WorkParts['onBatch']): Batches {
  return {
    async *[Symbol.asyncIterator]() {
      let done = 0
      for await (const batch of batches) {
        onBatch?.(++done)
        yield batch
      }
    },
  }
}

async function prepare(
  assignment: TrainAssignment | EvaluateAssignment,
  rows: number,
  parts: WorkParts,
  own: TensorMap | undefined,
) {
  parts.trainer.warm()
  const [model, received] = await Promise.all([parts.base(assignment), parts.adapter(assignment)])
  const { trained: adapter, side } = await startOf(assignment, received, own)
  const { format, maxTokens, holdout } = assignment.data
  const spec: EngineSpec = {
    ...{ model, config: adapter.config, rows, columns: maxTokens, trainable: 'adapter' as const },
    ...(side === null ? {} : { side: side.ranks }),
  }
  return { spec, adapter, side, reading: { model, format, columns: maxTokens, holdout } }
}

/** What an assignment starts from: of the adapter that came what is trained, cut down to the rank that this agent was given, with its own parts; and what stands frozen beside it. */
async function startOf(
  assignment: TrainAssignment | EvaluateAssignment,
  received: Adapter,
  own: TensorMap | undefined,
): Promise<SplitAdapter> {
  const { rank, trained: leading } = assignment.kind === 'train' ? assignment : {}
  const { trained, side } =
    leading === undefined ? { trained: received, side: null } : split(received, leading.rank)
  const adapter = rank === undefined ? trained : await truncatedAdapter(trained, rank)
  if (own === undefined) return { trained: adapter, side }
  try {
    return { trained: withOwn(adapter, own), side }
  } catch (cause) {
    throw new LoricaError('LRC-7003', `beside the parts of this agent: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Throws LoricaError LRC-1007 for a rank that the adapter does not have. */
function split(adapter: Adapter, rank: number): SplitAdapter {
  try {
    return splitAdapter(adapter, rank)
  } catch (cause) {
    const { message } = cause as Error
    throw new LoricaError('LRC-1007', `trained: ${message}`, { received: `rank ${rank}`, cause })
  }
}

/** What becomes of the tensors of an adapter. Throws LoricaError LRC-1007 for a name that the adapter lacks, or when none is left to send. */
function tensorsIn(tensors: TensorMap, { frozen = [], personal = [] }: TrainAssignment) {
  const unsent = new Set([...frozen, ...personal])
  const unknown = [...unsent].find((name) => !tensors.has(name))
  if (unknown === undefined && unsent.size < tensors.size)
    return { frozen: new Set(frozen), unsent, personal: [...new Set(personal)] }
  const received = unknown === undefined ? 'all of them' : `"${unknown}"`
  throw new LoricaError(
    'LRC-1007',
    `frozen and personal expected some tensors of the adapter, received ${received}`,
    {
      expected: 'some tensors of the adapter',
      received,
    },
  )
}

/** Tensors after training. Throws LoricaError LRC-6011 when a value is not finite. */
function ownOf(tensors: TensorMap, names: readonly string[]): TensorMap {
  const own = names.flatMap((name) => {
    const tensor = tensors.get(name)
    return tensor === undefined ? [] : [[name, tensor] as const]
  })
  const wrong = own.find(([, { data }]) => data.some((value) => !Number.isFinite(value)))
  if (wrong === undefined) return new Map(own)
  throw new LoricaError('LRC-6011', `training made a value of the personal "${wrong[0]}" that is not finite`)
}

function finiteDelta(make: () => Delta): Delta {
  try {
    return make()
  } catch (cause) {
    throw new LoricaError('LRC-6011', (cause as Error).message, { cause })
  }
}
