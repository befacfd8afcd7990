/**
 * The training of one command: it can be stopped and gone on with, and takes less memory at once when there is too little.
 * @module
 */
import { appendFileSync } from 'node:fs'
import {
  type Adapter,
  type Batch,
  type Checkpoint,
  EngineError,
  type RowSource,
  type StepProgress,
  splitRows,
  type TrainJob,
  trainingRows,
  writeCheckpoint,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import type { Unit } from './corpus.js'
import { heldOutLoss } from './held-out.js'
import type { LearningSession } from './session.js'

export interface TrainingPlan {
  readonly rows: number // of a batch
  readonly columns: number
  readonly unit: Unit
  readonly accumulate: number // batches of a step
  readonly steps: number
  readonly seed: number
  readonly optimizer: TrainJob['optimizer']
  /** FedProx's mu: a pull towards where the run began. */
  readonly proximal?: number
  readonly schedule: Omit<TrainJob['schedule'], 'firstStep'>
  readonly checkpointEvery?: number
  /** Where checkpoints go. */
  readonly folder: string
  /** A file that gets a line a step. */
  readonly log?: string
  /** What a checkpoint remembers of the command beside the losses. */
  readonly notes: Readonly<Record<string, unknown>>
}

/** Where training begins or goes on. */
export interface Start {
  /** What the session starts with, when absent. */
  readonly adapter?: Adapter
  /** What the run began with, when that is not what it goes on from. */
  readonly anchor?: Adapter
  readonly optimizer?: Checkpoint['optimizer']
  readonly step: number
  readonly losses: readonly number[]
  /** The held-out loss before the first step, when it is known. */
  readonly before?: number | null
}

export interface Trained {
  readonly adapter: Adapter
  readonly session: Pick<LearningSession, 'parameters' | 'starts'> & { readonly facts: unknown }
  readonly step: number
  readonly losses: readonly number[]
  readonly tokens: number
  readonly seconds: number
  readonly heldOutLoss: { readonly before: number | null; readonly after: number | null }
  /** The checkpoint, when training was asked to stop before its end. */
  readonly stoppedAt?: string
}

export interface TrainingData {
  readonly source: RowSource<Batch>
  readonly heldOut: readonly RowSource<Batch>[]
}

/** Opens the model for batches of so many rows. */
export type OpenRows = (rows: number, adapter: Adapter | undefined) => Promise<LearningSession>

/**
 * Trains from `start` to the last step, or to a Ctrl-C, which writes a checkpoint. When the engine runs out of memory it
 * goes on from the last checkpoint with half as many rows at once and the same mean. LRC-6011 when training diverges, with
 * the last good checkpoint kept; LRC-6003 when not even one row fits.
 */
export async function runTraining(
  { data, start, open }: { readonly data: TrainingData; readonly start: Start; readonly open: OpenRows },
  plan: TrainingPlan,
  output: Output,
): Promise<Trained> {
  let from = start
  for (let parts = 1; ; parts *= 2) {
    try {
      const rows = Math.ceil(plan.rows / parts)
      await using session = await open(rows, from.adapter)
      const { adapter, parameters, starts, engine } = session
      const begun = from.before === undefined ? await heldOutLoss(session, data.heldOut, rows) : from.before
      from = { anchor: from.adapter ?? adapter, ...from, adapter: from.adapter ?? adapter, before: begun }
      const keep = (latest: Start): void => {
        from = latest
      }
      const trained = await attempt({ session, source: data.source, from, parts, keep }, plan, output)
      const isDone = trained.stoppedAt === undefined
      const after = isDone
        ? await heldOutLoss({ ...session, adapter: trained.adapter }, data.heldOut, rows)
        : null
      return {
        ...trained,
        heldOutLoss: { before: begun, after },
        session: { parameters, starts, facts: engine.facts },
      }
    } catch (error) {
      if (!isOutOfMemory(error)) throw error
      if (2 * parts > plan.rows) throw tooLittleMemory(plan, error)
      output.line(
        `out of memory: going on with ${Math.ceil(plan.rows / (2 * parts))} rows at once instead of ${Math.ceil(plan.rows / parts)}`,
      )
    }
  }
}

interface Attempt {
  readonly session: LearningSession
  readonly source: RowSource<Batch>
  readonly from: Start
  /** Into how many each batch is divided. */
  readonly parts: number
  keep(latest: Start): void
}

async function attempt(
  { session, source, from, parts, keep }: Attempt,
  plan: TrainingPlan,
  output: Output,
): Promise<Omit<Trained, 'heldOutLoss' | 'session'>> {
  const { rows, steps, seed, accumulate, folder, notes } = plan
  const losses = [...from.losses]
  const begun = from.adapter ?? session.adapter
  const startedMs = performance.now()
  const stop = stopRequest()
  let writing: Promise<string | undefined> = Promise.resolve(undefined)
  const write = (latest: Required<Pick<Start, 'adapter' | 'optimizer' | 'step' | 'losses'>>): void => {
    keep({ ...latest, anchor: from.anchor ?? begun, before: from.before ?? null })
    const checkpoint = { ...latest, notes: { ...notes, before: from.before ?? null, losses: latest.losses } }
    writing = writing.then(() => writeCheckpoint(folder, checkpoint))
    writing.catch(() => {}) // whoever awaits it hears of it
  }
  const onStep = (progress: StepProgress): void => {
    const step = from.step + progress.step
    const isNew = step === losses.length
    losses[step] = progress.loss
    const eachMs = (performance.now() - startedMs) / (progress.step + 1)
    if (isNew) show(progress, { step, leftMs: (plan.steps - step - 1) * eachMs }, plan, output)
    if (isNew && plan.log !== undefined) appendFileSync(plan.log, logLine(progress, step))
    if (progress.checkpoint !== undefined)
      write({
        adapter: { ...begun, tensors: progress.checkpoint.tensors },
        optimizer: progress.checkpoint.optimizer,
        step: step + 1,
        losses: losses.slice(0, step + 1),
      })
  }
  const order = { rows, steps: (steps - from.step) * accumulate, seed, firstStep: from.step * accumulate }
  const batches = untilStopped(trainingRows(source, order), accumulate, stop)
  try {
    const { tensors, optimizer, tokens, seconds } = await session.engine.train(
      {
        tensors: begun.tensors,
        batches: parts === 1 ? batches : splitRows(batches, parts),
        optimizer: plan.optimizer,
        ...(plan.proximal === undefined
          ? {}
          : { proximal: { strength: plan.proximal, anchor: (from.anchor ?? begun).tensors } }),
        schedule: { ...plan.schedule, firstStep: from.step },
        accumulate: accumulate * parts,
        keepState: true,
        dropoutSeed: seed,
        checkpointEvery: plan.checkpointEvery ?? Number.MAX_SAFE_INTEGER,
        ...(from.optimizer === undefined ? {} : { state: from.optimizer }),
      },
      onStep,
    )
    const adapter = { ...begun, tensors }
    const result = { adapter, step: losses.length, losses, tokens, seconds }
    await writing
    if (losses.length === steps || optimizer === undefined) return result
    write({ ...result, optimizer })
    return { ...result, stoppedAt: (await writing) ?? folder }
  } catch (error) {
    throw diverged(error, await writing.catch(() => undefined))
  } finally {
    stop.release()
  }
}

interface StopRequest {
  isAsked(): boolean
  release(): void
}

/** Hears of the first Ctrl-C; a second one ends the process at once. */
function stopRequest(): StopRequest {
  let asked = false
  const ask = (): void => {
    if (asked) process.exit(130)
    asked = true
  }
  process.on('SIGINT', ask)
  return { isAsked: () => asked, release: () => process.off('SIGINT', ask) }
}

/** The batches of whole steps only, until a stop is asked for. */
function* untilStopped(batches: Iterable<Batch>, accumulate: number, stop: StopRequest): Generator<Batch> {
  let taken = 0
  for (const batch of batches) {
    if (taken++ % accumulate === 0 && stop.isAsked()) return
    yield batch
  }
}

function show(
  progress: StepProgress,
  { step, leftMs }: { readonly step: number; readonly leftMs: number },
  { steps, unit }: TrainingPlan,
  output: Output,
): void {
  const { loss, tokensPerSecond, learningRate } = progress
  output.progress(
    `step ${step + 1}/${steps}  loss ${loss.toFixed(4)}  ${count(tokensPerSecond)} ${unit}s/s  lr ${learningRate.toExponential(1)}  ${duration(leftMs / 1000)} left`,
  )
}

function logLine({ loss, gradNorm, learningRate, tokensPerSecond }: StepProgress, step: number): string {
  return `${JSON.stringify({ step: step + 1, loss, gradNorm, learningRate, tokensPerSecond })}\n`
}

function diverged(error: unknown, checkpoint: string | undefined): unknown {
  if (!(error instanceof EngineError) || !/training diverged/.test(error.message)) return error
  const kept = checkpoint === undefined ? 'no step was good' : `the last good adapter is ${checkpoint}`
  return new LoricaError('LRC-6011', `${error.message}; ${kept}`, {
    action: 'Lower --learning-rate or --clip-norm, and look at the data and at the adapter it started from.',
    cause: error,
  })
}

/** Whether the engine's process ended, or an operator failed, because there was no memory. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const cause = error instanceof LoricaError ? (error.cause ?? error) : error
  const { message } = cause as Error
  if (/bad_alloc|bad allocation|out of memory|failed to allocate|cannot allocate/i.test(message)) return true
  return cause instanceof EngineError && cause.reason === 'crashed' && /by SIGKILL/.test(message)
}

function tooLittleMemory({ columns }: TrainingPlan, cause: unknown): LoricaError {
  const row = columns === 0 ? 'one image' : `one row of ${columns} tokens`
  return new LoricaError('LRC-6003', `${row} does not fit into memory`, {
    expected: 'memory for one row at a time',
    received: (cause as Error).message,
    action: 'Lower --max-tokens or --rank, try --recompute blocks, or use a smaller model.',
    cause,
  })
}
