import { type Batch, evaluationRows, type RowSource } from '@lorica/peft-core'
import type { LearningSession } from './session.js'

/** Mean nats per prediction over all held-out rows, or null when nothing is held out. */
export async function heldOutLoss(
  { adapter, engine }: Pick<LearningSession, 'adapter' | 'engine'>,
  heldOut: readonly RowSource<Batch>[],
  rows: number,
): Promise<number | null> {
  if (heldOut.length === 0) return null
  const { lossSum, tokens } = await engine.evaluate(adapter.tensors, rowsOf(heldOut, rows))
  return tokens === 0 ? null : lossSum / tokens
}

function* rowsOf(sources: readonly RowSource<Batch>[], rows: number) {
  for (const source of sources) yield* evaluationRows(source, rows)
}
