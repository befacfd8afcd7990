import type { TensorMap } from '@lorica/peft-core'
import {
  type Assignment,
  asLoricaError,
  codes,
  type ErrorCode,
  type LoricaError,
  type Receipt,
  type TrainAssignment,
  type UpdateOpen,
} from '@lorica/protocol'
import type { EnergyMeter } from '../device/energy.js'
import {
  contributeEvaluation,
  type EvaluationDelivery,
  type EvaluationParts,
} from '../measuring/evaluation.js'
import { reasonOf } from '../report.js'
import type { SpendAsSite } from '../site/spend.js'
import type { Controls } from '../store/controls.js'
import type { Moments } from '../store/moments.js'
import { type Finished, type Outbox, workOf } from '../store/outbox.js'
import { ownFor } from '../store/personal.js'
import type { Residuals } from '../store/residuals.js'
import type { Perform } from './agenda.js'
import { trainUpdate } from './work.js'
import type { Update, WorkParts } from './work-parts.js'

/** What the link does for a contribution. Each waits for a connection and continues over lost ones. */
export interface Delivery extends EvaluationDelivery {
  upload(update: UpdateOpen, finished: Finished, signal: AbortSignal): Promise<Receipt>
  /** Best effort: an agent that is offline says nothing. */
  decline(assignmentId: string, code: ErrorCode, message: string): Promise<void>
}

export interface ContributionParts extends EvaluationParts {
  readonly outbox: Outbox
  /** Has this site pay before its update leaves. Throws LRC-6021 when it cannot. */
  readonly spendAsSite: SpendAsSite
  readonly moments: Moments
  readonly residuals: Residuals
  readonly controls: Controls
  readonly delivery: Delivery
  /** Deliveries that are under way, by assignment and hash. */
  readonly underWay: Map<string, Promise<void>>
  /** Resolves when the finished updates of a run have their answers. */
  readonly answered: (runId: string) => Promise<void>
  /** Writes down what will leave, before it does. */
  readonly record: (finished: Finished, update: Update) => Promise<void>
  /** Throws LRC-6017 for an assignment whose update or loss would leave in the clear, of a run of which nothing did so far. */
  readonly expectMasked: (assignment: Assignment) => Promise<void>
  readonly energy: EnergyMeter
  /** Throws LRC-6004 or LRC-6008 for what the site does not allow, or not now. */
  readonly expectAllowed: (assignment: Assignment) => Promise<void>
  /** Hears of a fault that this agent cannot go on with. */
  readonly onFatal: (error: LoricaError) => void
}

/** Codes of faults that the next assignment would meet again: the base that the owner gave is not the one of the run. */
const FATAL = ['LRC-3003']

/** Performs assignments: finished work is delivered, failures are declined with their reason. */
export function contributor(parts: ContributionParts): Perform {
  return async (assignment, signal) => {
    const { assignmentId, kind, runId, round } = assignment
    parts.tell({ event: 'assignment', assignmentId, kind, runId, round })
    try {
      await parts.expectMasked(assignment) // first: the reasons of others have numbers, where a run is not private
      await parts.expectAllowed(assignment)
      if (assignment.kind === 'train') await contributeUpdate(assignment, parts, signal)
      else await contributeEvaluation(assignment, parts, signal)
    } catch (error) {
      await giveUp(assignment, error, parts, signal)
    }
  }
}

async function contributeUpdate(
  assignment: TrainAssignment,
  parts: ContributionParts,
  signal: AbortSignal,
): Promise<void> {
  const work = workOf(assignment)
  const { assignmentId } = assignment
  const finished = (await parts.outbox.find(work)) ?? (await train(assignment, work, parts, signal))
  if (assignment.secure === undefined) return await deliver({ ...finished, assignmentId }, parts, signal)
  signal.throwIfAborted()
  parts.sums.begin({ assignment })
}

async function train(
  assignment: TrainAssignment,
  work: string,
  parts: ContributionParts,
  signal: AbortSignal,
): Promise<Finished> {
  const { assignmentId, runId, round, local } = assignment
  const isMasked = assignment.secure !== undefined
  const onStep: WorkParts['onStep'] = ({ step, loss, tokensPerSecond }, steps) =>
    parts.onProgress({
      ...{ assignmentId, phase: 'train', step: step + 1, steps },
      ...(isMasked || assignment.noise !== undefined ? unsaid : { loss, tokensPerSecond }),
    })
  const moments = local.optimizerState === 'keep' ? await parts.moments.before(runId, round) : undefined
  const owed = await owedTo(assignment, parts, signal)
  const own = await ownFor(assignment, parts)
  const counted = assignment.control?.counted ?? null
  const control = counted === null ? undefined : await parts.controls.of(runId, counted)
  const carried = { moments, owed, own, control }
  const reading = parts.energy.begin()
  const update = await trainUpdate(assignment, { ...parts.work, onStep }, carried, signal).finally(() =>
    reading.stop(),
  )
  const energy = isMasked ? undefined : reading.taken(update.trainMs / 1000)
  const { delta, examples, tokens, trainMs, lossFirst, lossLast, samplingRate } = update
  const finished: Finished = {
    ...{ work, assignmentId, runId, round, settled: isMasked }, // what goes into a sum is never offered by itself
    ...{ sha256: delta.sha256, sizeBytes: delta.bytes.byteLength },
    ...{ examples, tokens, trainMs, lossFirst, lossLast },
    ...(assignment.noise === undefined ? {} : { tokens: examples, ...unsaidLosses }), // examples follow from the run alone
    ...(isMasked ? { norm: delta.norm, clipFactor: delta.clipFactor } : {}),
    ...(samplingRate === undefined ? {} : { samplingRate }),
    ...(energy === undefined ? {} : { energy }),
  }
  if (!isMasked) await parts.spendAsSite(assignment) // a sum pays when it is about to leave, each time
  // Work counts as finished once it is in the outbox. What it leaves for the next round is kept before that: a crash in
  // between trains this round again from what was left before it, and the next round never starts from older things.
  await Promise.all([
    isMasked ? undefined : parts.record(finished, update),
    update.moments === undefined ? undefined : parts.moments.keep(runId, round, update.moments),
    update.own === undefined ? undefined : parts.personal.keep(runId, assignment.adapter.version, update.own),
    update.control === undefined
      ? undefined
      : parts.controls.keep(runId, delta.sha256, update.control, counted),
    delta.residual === undefined
      ? undefined
      : parts.residuals.keep(
          runId,
          { sha256: delta.sha256, adapter: assignment.adapter.version },
          delta.residual,
        ),
  ])
  await parts.outbox.put(finished, delta.bytes)
  return finished
}

/** What is not said of the training of an update that nobody is to see. */
const unsaid = { loss: null, tokensPerSecond: null }
/** Nor of the training of an update that has noise, which they have not. */
const unsaidLosses = { lossFirst: 0, lossLast: 0 }

/** What rounding kept back of earlier updates. It depends on which of them were accepted, so their answers come first. */
async function owedTo(
  { runId, adapter, update }: TrainAssignment,
  parts: ContributionParts,
  signal: AbortSignal,
): Promise<TensorMap | undefined> {
  if (update === undefined || update.encoding === 'f32') return undefined
  await unlessAborted(parts.answered(runId), signal)
  return await parts.residuals.owed(runId, adapter.version)
}

function unlessAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    done.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/**
 * Hands finished work in and notes the answer; what is being handed in already is waited for. Never rejects: what is interrupted
 * stays in the outbox.
 */
export function deliver(finished: Finished, parts: ContributionParts, signal: AbortSignal): Promise<void> {
  const { assignmentId, sha256 } = finished
  const key = `${assignmentId} ${sha256}`
  const known = parts.underWay.get(key)
  if (known !== undefined)
    return unlessAborted(known, signal).catch((error) =>
      parts.tell({ event: 'abandoned', assignmentId, ...reasonOf(asLoricaError(error)) }),
    )
  const handing = handIn(finished, parts, signal).finally(() => parts.underWay.delete(key))
  parts.underWay.set(key, handing)
  return handing
}

async function handIn(finished: Finished, parts: ContributionParts, signal: AbortSignal): Promise<void> {
  const { assignmentId, sha256, sizeBytes, examples, tokens, trainMs, lossFirst, lossLast } = finished
  const { samplingRate, energy } = finished
  const message = {
    ...{ assignmentId, sha256, sizeBytes, examples, tokens, trainMs, lossFirst, lossLast },
    ...(samplingRate === undefined ? {} : { samplingRate }),
    ...(energy === undefined ? {} : { energy }),
  }
  try {
    const receipt = await parts.delivery.upload(message, finished, signal)
    await parts.residuals.accepted(finished.runId, sha256)
    await parts.outbox.settle(finished)
    parts.tell({ event: 'uploaded', assignmentId, sha256, sizeBytes, tokens })
    parts.tell({ event: 'receipt', assignmentId, ...receipt })
  } catch (error) {
    const reason = reasonOf(asLoricaError(signal.aborted ? signal.reason : error))
    if (signal.aborted) return parts.tell({ event: 'abandoned', assignmentId, ...reason }) // it stays in the outbox
    await parts.outbox.settle(finished)
    parts.tell({ event: 'refused', assignmentId, ...reason })
  }
}

async function giveUp(
  { assignmentId, secure }: Assignment,
  error: unknown,
  parts: ContributionParts,
  signal: AbortSignal,
): Promise<void> {
  const known = asLoricaError(signal.aborted ? signal.reason : error)
  const isSilent = signal.aborted && known.code !== 'LRC-6010'
  parts.tell({ event: isSilent ? 'abandoned' : 'declined', assignmentId, ...reasonOf(known) })
  const reason = secure === undefined ? publicReason(known) : maskedReason(known)
  if (!isSilent) await parts.delivery.decline(assignmentId, known.code, reason)
  if (FATAL.includes(known.code)) parts.onFatal(known)
}

/** Codes whose texts hold numbers and names of the run only. Others may name files of this machine. */
const PUBLIC = [
  ...['LRC-6003', 'LRC-6004', 'LRC-6008', 'LRC-6010', 'LRC-6011', 'LRC-6015', 'LRC-6016'],
  ...['LRC-6017', 'LRC-6018', 'LRC-6019', 'LRC-6020', 'LRC-6021'],
  ...['LRC-7002', 'LRC-7003', 'LRC-7004'],
]

/** Codes whose texts hold numbers that follow from how much data is here. */
const COUNTED = ['LRC-6016', 'LRC-6021']

/** What the coordinator is told of an error where it is to see sums alone. */
export function maskedReason(error: LoricaError): string {
  return COUNTED.includes(error.code) ? codes[error.code].title : publicReason(error)
}

/** What the coordinator is told of an error. */
export function publicReason({ code, message }: LoricaError): string {
  return PUBLIC.includes(code) ? message : codes[code].title
}
