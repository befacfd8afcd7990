/**
 * What a promise to each example costs in learning: the held-out loss of a federation on data of one's own at several epsilons.
 * @module
 */
import { samplingRate } from '@lorica/peft-core'
import { epsilonOf, noiseFor } from '@lorica/privacy'
import { type ModelCorpus, readCorpus } from './corpus.js'
import { openEngine } from './engine-choice.js'
import { baseLoss, federateExamples } from './example-federation.js'
import type { ExampleRecipe, ExampleSites } from './example-recipe.js'
import { learningStrategies } from './learning-strategies.js'
import type { PrivateStrategy } from './private-strategies.js'

export interface ExampleBench extends ExampleRecipe {
  readonly model: string
  readonly data: readonly string[] // one file each site
  readonly maxTokens: number
  readonly holdout: number
  readonly strategies: readonly PrivateStrategy[]
  readonly epsilons: readonly number[] // of all rounds, for each example
  readonly delta: number
  readonly noise: 'shared' | 'agent' // on the sum of all sites, step by step, or of each site on its own steps
  readonly clip: number
  readonly plainRounds: number // of the federation with neither clip nor noise
  readonly threads: number
}

/** One row of the table. */
export interface ExampleRow {
  readonly strategy: PrivateStrategy
  readonly wanted: number // the promise
  readonly epsilon: number // what is kept of it: of the site whose examples take part most often
  readonly noiseMultiplier: number
  readonly loss: number // held out
  /** Of the nats that the federation gains on the base with neither clip nor noise. */
  readonly kept: number
}

export interface ExampleResult {
  readonly examples: readonly number[] // to train on, of each site
  readonly base: number // the loss of the model as it is
  readonly plain: number // of the federation with neither clip nor noise
  readonly rows: readonly ExampleRow[]
}

/** A federation without privacy: that of the demo. */
export const plainRecipe = {
  ...{ rank: 8, targets: 'all-linear', steps: 15, batch: 8 },
  ...{ learningRate: 1e-2, warmupSteps: 15, optimizer: 'adamw' },
} as const satisfies Partial<ExampleRecipe>

/** With which federations learn best under noise, by who adds it. */
export const noisyRecipes = {
  shared: {
    ...{ rank: 16, targets: 'lm_head,down_proj,o_proj,v_proj', rounds: 80, steps: 1, batch: 230 },
    ...{ start: 'principal', learningRate: 2, warmupSteps: 0, optimizer: 'sgd', clip: 1 },
  },
  agent: {
    ...{ rank: 4, targets: 'all-linear', rounds: 4, steps: 5, batch: 128 },
    ...{ learningRate: 1e-2, warmupSteps: 2, optimizer: 'adamw', clip: 0.5 },
  },
} as const satisfies Readonly<
  Record<ExampleBench['noise'], Omit<ExampleRecipe, 'seed'> & Pick<ExampleBench, 'clip'>>
>

/** Trains the federation without privacy, and then for each strategy and epsilon. */
export async function benchExamples(
  bench: ExampleBench,
  onProgress: (text: string) => void,
): Promise<ExampleResult> {
  const { model, maxTokens, threads, seed, data, holdout, strategies, epsilons, plainRounds } = bench
  using corpora = await openAll(data, { model, maxTokens, holdout })
  await using engine = await openEngine({ runtime: 'ort', device: 'cpu', threads })
  const sites: ExampleSites = {
    ...{ engine, model, columns: maxTokens },
    train: corpora.all.map(({ train }) => train),
    heldOut: corpora.all.flatMap(({ heldOut }) => heldOut),
  }
  onProgress('the model as it is …')
  const base = await baseLoss(sites, bench)
  const plain = await federateExamples(
    sites,
    { ...plainRecipe, rounds: plainRounds, seed },
    {
      ...{ used: learningStrategies.fedavg, noise: null },
      onRound: (round) => onProgress(`neither clip nor noise, round ${round} of ${plainRounds} …`),
    },
  )
  const rows: ExampleRow[] = []
  for (const strategy of strategies)
    for (const wanted of epsilons) {
      const { epsilon, ...noise } = noiseOf(bench, wanted, sites)
      const { noiseMultiplier } = noise
      const loss = await federateExamples(sites, bench, {
        ...{ used: learningStrategies[strategy], noise: { clip: bench.clip, ...noise } },
        onRound: (round) => onProgress(`${strategy}, epsilon ${wanted}, round ${round} of ${bench.rounds} …`),
      })
      rows.push({ strategy, wanted, epsilon, noiseMultiplier, loss, kept: (base - loss) / (base - plain) })
    }
  return { examples: sites.train.map(({ count }) => count), base, plain, rows }
}

/** The least noise with which every example of every site is promised `wanted` over all rounds, and what the worst one is promised. */
function noiseOf(
  { noise, batch, steps, rounds, delta }: ExampleBench,
  wanted: number,
  { train }: ExampleSites,
) {
  const own = train.map((source) => samplingRate(source, batch))
  const mean = batch / (train.reduce((sum, { count }) => sum + count, 0) / train.length)
  const shared = noise === 'shared' ? Math.min(1, mean) : null
  const phases = (shared === null ? own : [shared]).map(
    (rate) => ({ samplingRate: rate, sampling: 'poisson', steps: steps * rounds }) as const,
  )
  const noiseMultiplier = Math.max(...phases.map((phase) => noiseFor(wanted, delta, [phase]).noiseMultiplier))
  const spent = phases.map((phase) => epsilonOf([{ ...phase, noiseMultiplier }], delta).epsilon)
  return { samplingRate: shared, noiseMultiplier, epsilon: Math.max(...spent) }
}

async function openAll(
  data: readonly string[],
  spec: { readonly model: string; readonly maxTokens: number; readonly holdout: number },
) {
  const all: ModelCorpus[] = []
  const close = (): void => {
    for (const corpus of all) corpus.close()
  }
  try {
    for (const file of data) all.push(await readCorpus({ ...spec, data: [file], isByExample: true }))
  } catch (error) {
    close()
    throw error
  }
  return { all, [Symbol.dispose]: close }
}
