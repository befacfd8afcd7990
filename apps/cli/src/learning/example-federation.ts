/**
 * A federation whose agents train with privacy of each example: what privacy.dp of unit example does in a fleet, on one machine.
 * @module
 */
import {
  type Adapter,
  type Batch,
  createAdapter,
  evaluationRows,
  type OptimizerState,
  orthonormalStart,
  poissonSteps,
  principalStart,
  type RowSource,
  rowsAtOnce,
  strategyOf,
  type TensorMap,
  tensorSource,
  trainPrivately,
} from '@lorica/peft-core'
import { addNoise } from '@lorica/privacy'
import type { ExampleNoise, ExampleRecipe, ExampleSites } from './example-recipe.js'
import type { UsedStrategy } from './learning-strategies.js'
import { type SharedNoise, sharedStep } from './shared-step.js'

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const
const neither = { clip: 1e6, noiseMultiplier: 1, addNoise: () => {} } // no gradient is as long
const isShared = (noise: ExampleNoise | null): noise is SharedNoise =>
  noise !== null && noise.samplingRate !== null
const SCALING = 2 // alpha over rank

/** The loss, in nats a prediction, of the model as it is. */
export async function baseLoss(sites: ExampleSites, recipe: ExampleRecipe): Promise<number> {
  return await lossOf(sites, await opened(sites, recipe, false))
}

/** Runs all rounds, with neither clip nor noise where that is null, and gives the held-out loss of the last release. */
export async function federateExamples(
  sites: ExampleSites,
  recipe: ExampleRecipe,
  {
    used,
    noise,
    onRound,
  }: { readonly used: UsedStrategy; readonly noise: ExampleNoise | null; onRound(round: number): void },
): Promise<number> {
  const strategy = strategyOf(used.spec)
  let release = await opened(sites, recipe, used.isOrthonormal === true)
  const states: (OptimizerState | undefined)[] = sites.train.map(() => undefined)
  for (let round = 1; round <= recipe.rounds; round++) {
    onRound(round)
    const { config } = release
    const shapes = new Map([...release.tensors].map(([name, { shape }]) => [name, shape]))
    const roles = strategy.roles({ config, shapes }, round)
    const frozen = [...roles].filter(([, role]) => role === 'frozen').map(([name]) => name)
    const aggregation = strategy.open({ start: release, round, measured: false })
    if (isShared(noise))
      await aggregation.fold(await sharedStep(sites, recipe, noise, { start: release, frozen, round }))
    for (const [site, source] of isShared(noise) ? [] : sites.train.entries()) {
      const work = { source, start: release.tensors, state: states[site], frozen, round }
      const { tensors, optimizer } = await trained(sites, recipe, noise, work)
      states[site] = optimizer
      const id = `site-${String(site).padStart(6, '0')}`
      await aggregation.fold({ id, weight: 1, config, start: null, tensors: tensorSource(tensors) })
    }
    release = (await aggregation.close()).candidate
  }
  return await lossOf(sites, release)
}

/** The adapter that all start from, with the model open for it. */
async function opened(
  { engine, model, columns }: ExampleSites,
  { rank, targets, batch, seed, start = 'random' }: ExampleRecipe,
  isOrthonormal: boolean,
): Promise<Adapter> {
  const named = targets === 'all-linear' ? targets : targets.split(',')
  const spec = { method: 'lora', rank, alpha: SCALING * rank, targets: named, rslora: false } as const
  const fresh = await createAdapter(model, spec, seed)
  const rows = rowsAtOnce(batch, columns)
  const { config } = fresh
  await engine.open({ model, config, rows, columns, trainable: 'adapter', purpose: 'evaluate' })
  if (!isOrthonormal) return fresh
  return start === 'principal' ? await principalStart(model, spec, seed) : await orthonormalStart(fresh)
}

interface Work {
  readonly source: RowSource<Batch>
  readonly start: TensorMap
  readonly state: OptimizerState | undefined
  readonly frozen: readonly string[]
  readonly round: number // from 1
}

function trained(
  { engine, columns }: ExampleSites,
  recipe: ExampleRecipe,
  noise: ExampleNoise | null,
  { source, start, state, frozen, round }: Work,
) {
  const { batch: expectedExamples, steps, rounds, optimizer, learningRate, warmupSteps } = recipe
  const rows = rowsAtOnce(expectedExamples, columns)
  return trainPrivately(engine, {
    ...(noise === null ? neither : { ...noise, addNoise }),
    ...{ tensors: start, expectedExamples, frozen, state },
    steps: poissonSteps(source, { expectedExamples, rows, steps }),
    optimizer: { ...(optimizer === 'sgd' ? { kind: optimizer, weightDecay: 0 } : ADAM), learningRate },
    schedule: { kind: 'cosine', warmupSteps, totalSteps: rounds * steps, firstStep: (round - 1) * steps },
  })
}

const EVALUATED_ROWS = 8

async function lossOf({ engine, heldOut }: ExampleSites, { tensors }: Adapter): Promise<number> {
  function* batches() {
    for (const source of heldOut) yield* evaluationRows(source, EVALUATED_ROWS)
  }
  const { lossSum, tokens } = await engine.evaluate(tensors, batches())
  return lossSum / tokens
}
