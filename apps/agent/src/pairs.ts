/**
 * Two adapters on the same held-out rows, one row at a time: what is hard about a row says nothing about either.
 * @module
 */
import type { Batches, EngineSpec, TensorMap } from '@lorica/peft-core'
import { type EvaluateAssignment, LoricaError } from '@lorica/protocol'
import type { Measured, WorkParts } from './work-parts.js'

interface RowLoss {
  readonly lossSum: number
  readonly tokens: number
}

/** Measures the adapter of an assignment and the one that it is held against. Throws LRC-6xxx and LRC-7xxx, or the reason of `signal`. */
export async function compareAdapters(
  assignment: EvaluateAssignment,
  against: NonNullable<EvaluateAssignment['against']>,
  parts: WorkParts,
  signal: AbortSignal,
): Promise<Measured> {
  const { maxTokensEvaluated, deadlineMs, data } = assignment
  const { format, maxTokens: columns, holdout } = data
  const deadlineAtMs = parts.clock.now() + deadlineMs
  parts.trainer.warm()
  const model = await parts.base(assignment)
  const [adapter, other] = await Promise.all([
    parts.adapter(assignment),
    parts.adapter({ ...assignment, adapter: against }),
  ])
  const rows = await parts.batches.heldOut({ model, format, columns, holdout }, 1, maxTokensEvaluated)
  const startedMs = parts.clock.monotonicMs()
  let done = 0
  const lossesUnder = async ({ config, tensors }: typeof adapter): Promise<readonly RowLoss[]> => {
    const spec: EngineSpec = { model, config, rows: 1, columns, trainable: 'adapter' }
    const losses: RowLoss[] = []
    for await (const row of parts.owner.whenFree(rows, deadlineAtMs, signal)) {
      losses.push(await rowLoss(spec, tensors, [row]))
      parts.onBatch?.(++done)
    }
    return losses
  }
  const rowLoss = async (spec: EngineSpec, tensors: TensorMap, batches: Batches): Promise<RowLoss> => {
    const { lossSum, tokens } = await parts.trainer.evaluate(spec, tensors, batches, signal)
    return { lossSum, tokens }
  }
  const ours = await lossesUnder(adapter)
  const theirs = await lossesUnder(other)
  return { ...pairsOf(ours, theirs), evaluateMs: parts.clock.monotonicMs() - startedMs }
}

/**
 * The sums of the differences of rows that have tokens, each the mean loss under the one minus that under the other. Throws LoricaError LRC-6011 when there are none, or a loss
 * is not finite.
 */
export function pairsOf(ours: readonly RowLoss[], theirs: readonly RowLoss[]): Omit<Measured, 'evaluateMs'> {
  const pairs = ours.flatMap(({ lossSum, tokens }, at) => {
    const other = theirs[at]
    if (tokens === 0 || other === undefined) return []
    return [{ lossSum, tokens, ours: lossSum / tokens, theirs: other.lossSum / other.tokens }]
  })
  const areFinite = pairs.every((pair) => Number.isFinite(pair.ours) && Number.isFinite(pair.theirs))
  if (pairs.length === 0 || !areFinite)
    throw new LoricaError('LRC-6011', `the losses of ${pairs.length} held-out rows cannot be compared`, {
      expected: 'at least one row, and finite losses',
      received: pairs.length === 0 ? 'none' : 'a loss that is not finite',
    })
  const total = (value: (pair: (typeof pairs)[number]) => number): number =>
    pairs.reduce((sum, pair) => sum + value(pair), 0)
  const count = pairs.length
  return {
    lossSum: total(({ lossSum }) => lossSum),
    tokens: total(({ tokens }) => tokens),
    pairs: {
      count,
      sum: total((pair) => pair.ours - pair.theirs),
      sumOfSquares: total((pair) => (pair.ours - pair.theirs) ** 2),
      against: total((pair) => pair.theirs) / count,
    },
  }
}
