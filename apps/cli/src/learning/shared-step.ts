import {
  type Adapter,
  type Contribution,
  poissonSteps,
  rateSumOf,
  rowsAtOnce,
  sumClipped,
  tensorSource,
} from '@lorica/peft-core'
import { addNoise } from '@lorica/privacy'
import type { ExampleNoise, ExampleRecipe, ExampleSites } from './example-recipe.js'

/** Noise on the sum of all sites, for which each example of any takes part by a coin of its own. */
export type SharedNoise = ExampleNoise & { readonly samplingRate: number }

/**
 * One step of all sites together: of their clipped gradients only the sum is seen, and it has all of the noise, as if each had added its
 * part. What comes out is the change of the adapter.
 */
export async function sharedStep(
  { engine, columns, train }: ExampleSites,
  { batch, rounds, learningRate, warmupSteps }: Omit<ExampleRecipe, 'steps'>,
  { clip, noiseMultiplier, samplingRate }: SharedNoise,
  {
    start,
    frozen,
    round,
  }: { readonly start: Adapter; readonly frozen: readonly string[]; readonly round: number },
): Promise<Contribution> {
  const rows = rowsAtOnce(batch, columns)
  const total = new Map<string, Float64Array>()
  for (const source of train) {
    const plan = { expectedExamples: samplingRate * source.count, rows, steps: 1 }
    for (const batches of poissonSteps(source, plan))
      for (const [name, sum] of await sumClipped(engine, {
        ...{ tensors: start.tensors, batches, step: round },
        ...{ clip, frozen },
      }))
        total.set(name, added(total.get(name), sum))
  }
  const schedule = { kind: 'cosine', warmupSteps, totalSteps: rounds, firstStep: round - 1 } as const
  const scale = -rateSumOf(learningRate, schedule, 1) / (batch * train.length)
  const change = [...total].map(([name, sum]) => {
    addNoise(sum, noiseMultiplier * clip)
    const { shape = [] } = start.tensors.get(name) ?? {}
    return [name, { shape, data: Float32Array.from(sum, (value) => value * scale) }] as const
  })
  const { config, tensors } = start
  return { ...{ id: 'sum', weight: 1, config, start: tensors }, tensors: tensorSource(new Map(change)) }
}

const added = (left: Float64Array | undefined, right: Float64Array): Float64Array =>
  left === undefined ? right : left.map((value, at) => value + (right[at] as number))
