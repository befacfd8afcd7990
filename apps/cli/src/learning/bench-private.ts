/**
 * What a promise to each site costs in learning: the held-out loss of federations at several epsilons.
 * @module
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noiseFor } from '@lorica/privacy'
import { meanOf } from './bench-learning.js'
import { createLearner, writeDecoder } from './learner.js'
import { textShape } from './learning-data.js'
import { type Federation, type Site, untrainedLoss } from './learning-federation.js'
import { learningStrategies, type UsedStrategy } from './learning-strategies.js'
import { federatePrivately } from './private-federation.js'
import type { PrivateStrategy } from './private-strategies.js'

export interface PrivateBench extends Omit<Federation, 'ranks' | 'seed'> {
  readonly strategies: readonly PrivateStrategy[]
  readonly epsilons: readonly number[]
  readonly delta: number
  readonly clip: number
  readonly rank: number
  readonly seeds: number // 1, 2, …
}

/** One row of the table. */
export interface PrivateRow {
  readonly strategy: PrivateStrategy
  readonly clip: number | null // null: updates as they are
  readonly epsilon: number | null // of all rounds, for each site; null: no noise
  readonly noiseMultiplier: number | null
  readonly losses: readonly number[] // held out, of each seed
  /** Of the nats that the same federation gains on the untrained model with neither clip nor noise. */
  readonly kept: number
}

export interface PrivateResult {
  readonly untrained: readonly number[] // of each seed
  readonly rows: readonly PrivateRow[]
}

/** Trains a federation for each strategy, epsilon and seed. */
export async function benchPrivate(
  bench: PrivateBench,
  onProgress: (text: string) => void,
): Promise<PrivateResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-private-'))
  const { columns, vocabulary } = textShape
  const learner = createLearner({ rows: bench.batch, columns })
  try {
    const model = join(folder, 'model')
    await mkdir(model)
    await writeDecoder(model, { vocabulary, positions: columns })
    const site: Site = { learner, model, scratch: folder }
    const plans = Array.from({ length: bench.seeds }, (_, at): Federation => {
      return { ...bench, ranks: Array<number>(bench.agents).fill(bench.rank), seed: at + 1 }
    })
    const untrained: number[] = []
    for (const plan of plans) untrained.push(await untrainedLoss(site, { ...plan, ranks: [bench.rank] }))
    const rows: PrivateRow[] = []
    for (const strategy of bench.strategies)
      rows.push(...(await rowsOf(strategy, bench, { site, plans, untrained, onProgress })))
    return { untrained, rows }
  } finally {
    await learner.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function rowsOf(
  strategy: PrivateStrategy,
  bench: PrivateBench,
  {
    site,
    plans,
    untrained,
    onProgress,
  }: {
    readonly site: Site
    readonly plans: readonly Federation[]
    readonly untrained: readonly number[]
    onProgress(text: string): void
  },
): Promise<readonly PrivateRow[]> {
  const used: UsedStrategy = learningStrategies[strategy]
  const rows: PrivateRow[] = []
  const unprotected = { clip: null, epsilon: null }
  const clipped = [null, ...bench.epsilons].map((epsilon) => ({ clip: bench.clip, epsilon }))
  for (const { clip, epsilon } of [unprotected, ...clipped]) {
    const phase = { samplingRate: 1, sampling: 'none', steps: bench.rounds } as const
    const noiseMultiplier = epsilon === null ? null : noiseFor(epsilon, bench.delta, [phase]).noiseMultiplier
    const losses: number[] = []
    for (const plan of plans) {
      onProgress(`${strategy}, ${epsilon === null ? 'no noise' : `epsilon ${epsilon}`}, seed ${plan.seed} …`)
      losses.push(await federatePrivately(site, plan, { used, privacy: { clip, noiseMultiplier } }))
    }
    const gain = meanOf(untrained) - meanOf(losses)
    const most = meanOf(untrained) - meanOf(rows[0]?.losses ?? losses)
    rows.push({ strategy, clip, epsilon, noiseMultiplier, losses, kept: gain / most })
  }
  return rows
}
