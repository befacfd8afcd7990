/**
 * One adapter in, what it loses on the text that this machine holds out, out: to the coordinator, or into a secure sum.
 * @module
 */
import type { MeasuredLoss } from '@lorica/privacy'
import { asLoricaError, type Comparison, type EvaluateAssignment, type Progress } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { reasonOf, type Tell } from '../report.js'
import { ownFor, type Personal } from '../store/personal.js'
import { expectOnlyLoss } from '../summing/measured-sum.js'
import type { Sums } from '../summing/sums.js'
import { measureAdapter } from '../work/work.js'
import type { WorkParts } from '../work/work-parts.js'

export interface EvaluationMessage {
  readonly assignmentId: string
  readonly lossSum: number
  readonly tokens: number
  readonly evaluateMs: number
  readonly comparison?: Comparison
}

/** What the link does for an evaluation: it waits for a connection, and continues over lost ones. */
export interface EvaluationDelivery {
  evaluation(message: EvaluationMessage, signal: AbortSignal): Promise<void>
}

export interface EvaluationParts {
  readonly work: Omit<WorkParts, 'onStep'>
  readonly personal: Personal
  readonly delivery: EvaluationDelivery
  /** Writes down what will leave, before it does. */
  readonly recordEvaluation: (assignment: EvaluateAssignment, message: EvaluationMessage) => Promise<void>
  readonly sums: Pick<Sums, 'begin' | 'ask'>
  readonly onProgress: (progress: Progress) => void
  readonly tell: Tell
}

/** Measures what an assignment asks for, and hands it in. Throws as `measureAdapter`, LRC-6017, or the signal's reason. */
export async function contributeEvaluation(
  assignment: EvaluateAssignment,
  parts: EvaluationParts,
  signal: AbortSignal,
): Promise<void> {
  const { assignmentId, round } = assignment
  const isMasked = assignment.secure !== undefined
  if (isMasked && parts.sums.ask(assignmentId)) return
  const say = (step: number): void =>
    parts.onProgress({
      ...{ assignmentId, phase: 'evaluate', step, steps: step },
      ...{ loss: null, tokensPerSecond: null },
    })
  const own = await ownFor(assignment, parts)
  const work = { ...parts.work, onStep: () => {} }
  if (isMasked) {
    const told = tellingSeconds(parts.work.clock, say)
    const measured = await measureUnseen(
      assignment,
      { ...work, onBatch: told.onBatch },
      { own },
      signal,
    ).finally(told.end)
    signal.throwIfAborted()
    return parts.sums.begin({ assignment, measured })
  }
  const measured = await measureAdapter(assignment, { ...work, onBatch: say }, { own }, signal)
  const message = { assignmentId, ...measured }
  await parts.recordEvaluation(assignment, message)
  try {
    await parts.delivery.evaluation(message, signal)
  } catch (error) {
    if (signal.aborted) throw error
    return parts.tell({ event: 'refused', assignmentId, ...reasonOf(asLoricaError(error)) })
  }
  const { lossSum, tokens } = measured
  parts.tell({ event: 'evaluated', assignmentId, round, loss: lossSum / tokens, tokens })
}

const STUCK_MS = 60_000

/** Tells each second since the first batch, and nothing of batches but that one was read within a minute: they tell how much is held out. */
function tellingSeconds(clock: Clock, say: (seconds: number) => void) {
  let batchMs = 0
  let end: (() => void) | undefined
  const onBatch = (): void => {
    batchMs = clock.monotonicMs()
    const startedMs = batchMs
    end ??= clock.every(1000, () => {
      const nowMs = clock.monotonicMs()
      if (nowMs - batchMs < STUCK_MS) say(Math.floor((nowMs - startedMs) / 1000))
    })
  }
  return { onBatch, end: () => end?.() }
}

/** What is measured for a sum; an agent that has nothing to measure brings zeros, so that nobody learns which one that is. */
async function measureUnseen(
  assignment: EvaluateAssignment,
  work: WorkParts,
  carried: Parameters<typeof measureAdapter>[2],
  signal: AbortSignal,
): Promise<MeasuredLoss & { readonly evaluateMs: number }> {
  expectOnlyLoss(assignment)
  try {
    const { lossSum, tokens, evaluateMs } = await measureAdapter(assignment, work, carried, signal)
    return tokens === 0 ? { lossSum: 0, tokens, evaluateMs } : { lossSum, tokens, evaluateMs }
  } catch (error) {
    if (asLoricaError(error).code === 'LRC-6002') return { lossSum: 0, tokens: 0, evaluateMs: 0 }
    throw error
  }
}
