import {
  type Batch,
  type Batches,
  type ClippedSums,
  type ClippingModel,
  type ClippingOptions,
  type EngineSpec,
  splitRows,
  type TensorMap,
  type TrainJob,
} from '@lorica/peft-core'

/** The same batches, each in two of half the rows; one of a single row stays as it is. */
export function inHalves(batches: Batches): Batches {
  async function* halves(): AsyncGenerator<Batch> {
    for await (const batch of batches) {
      if (batch.rows === 1) yield batch
      else yield* splitRows([batch], 2)
    }
  }
  return { [Symbol.asyncIterator]: halves }
}

/**
 * A job that takes half the rows at a time and twice as many batches a step. The mean gradient of a step is the same, so the
 * update is the same but for rounding, and its activations need half the memory.
 */
export function halvedJob(job: TrainJob): TrainJob {
  return { ...job, batches: inHalves(job.batches), accumulate: 2 * job.accumulate }
}

/** The clipped sums of a batch from those of its halves: what an example adds does not depend on the others. */
export async function sumOfHalves(
  model: ClippingModel,
  {
    tensors,
    batch,
    options,
  }: { readonly tensors: TensorMap; readonly batch: Batch; readonly options: ClippingOptions },
): Promise<ClippedSums> {
  const halves: ClippedSums[] = []
  for await (const half of splitRows([batch], 2)) halves.push(await model.clippedSums(tensors, half, options))
  const [first, second] = halves as [ClippedSums, ClippedSums]
  const sums = [...first.sums].map(
    ([name, sum]) =>
      [name, sum.map((value, at) => value + (second.sums.get(name)?.[at] ?? Number.NaN))] as const,
  )
  return { sums: new Map(sums), norms: Float32Array.of(...first.norms, ...second.norms) }
}

/** The model of a halved job. */
export function halvedSpec(spec: EngineSpec): EngineSpec {
  return { ...spec, rows: Math.ceil(spec.rows / 2) }
}
