import type { Batch, Engine, MeasuredBatch, TensorMap } from '@lorica/peft-core'

export interface Measuring {
  readonly engine: Pick<Engine, 'measure'>
  readonly tensors: TensorMap
}

/** Measures batches, and tells of each with what was measured on it. */
export async function measureEach<B extends Batch>(
  { engine, tensors }: Measuring,
  batches: Iterable<B> | AsyncIterable<B>,
  onBatch: (batch: B, measured: MeasuredBatch) => void,
): Promise<{ readonly classes: number; readonly seconds: number }> {
  const waiting: B[] = [] // the engine takes a batch ahead of the one that it works on
  async function* remembered() {
    for await (const batch of batches) {
      waiting.push(batch)
      yield batch
    }
  }
  return engine.measure(tensors, remembered(), (measured) => onBatch(waiting.shift() as B, measured))
}
