/**
 * What each strategy makes of agents with unlike data: how well the model ends, and what is sent for it.
 * @module
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLearner, type Learner, writeDecoder } from './learner.js'
import { textShape } from './learning-data.js'
import { type Federation, federate, type Site, trainAlone, untrainedLoss } from './learning-federation.js'
import { type LearningStrategy, learningStrategies, type UsedStrategy } from './learning-strategies.js'

export interface LearningBench extends Omit<Federation, 'ranks' | 'seed'> {
  readonly strategies: readonly LearningStrategy[]
  /** Of the agents of the first group, in turn. */
  readonly ranks: readonly number[]
  /** Of all agents of the second group; those of the third have twice as much. */
  readonly rank: number
  readonly seeds: number // 1, 2, …
  readonly engines: number // federations that are trained at once
}

/** One row of the table. */
export interface LearningRow {
  readonly strategy: LearningStrategy
  readonly losses: readonly number[] // held out, of each seed
  readonly ownLosses: readonly number[] // on text like each agent's own
  readonly upBytes: readonly number[] // of each agent, over all rounds
  readonly downBytes: readonly number[]
  /** Nats of held-out loss below the untrained model's, for each MB (10^6 bytes) that the mean agent sent and got; mean of the seeds. */
  readonly gainPerMB: number
}

/** Agents of some ranks, under each strategy that takes them. */
export interface LearningGroup {
  readonly ranks: readonly number[] // of each agent
  /** Of each seed: the mean of agents that train for as many steps, each alone. */
  readonly alone: readonly number[]
  readonly aloneOwn: readonly number[] // on text like their own
  readonly untrained: readonly number[]
  readonly rows: readonly LearningRow[]
}

export interface LearningResult {
  readonly mixed: LearningGroup
  readonly equal: LearningGroup
  /** Of twice the rank: the strategies that send one factor at a time, so that they send about as much as the others do. */
  readonly doubled: LearningGroup
}

type Task<T> = (site: Site) => Promise<T>

/** Trains a federation for each group, strategy and seed. The result does not depend on how many are trained at once. */
export async function benchLearning(
  bench: LearningBench,
  onProgress: (text: string) => void,
): Promise<LearningResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-learning-'))
  const { columns, vocabulary } = textShape
  const learners = Array.from({ length: bench.engines }, () => createLearner({ rows: bench.batch, columns }))
  try {
    const model = join(folder, 'model')
    await mkdir(model)
    await writeDecoder(model, { vocabulary, positions: columns })
    const work = shared(learners, { folder, model, onProgress })
    const mixed = groupOf(bench.ranks, bench, work.add)
    const equal = groupOf([bench.rank], bench, work.add)
    const halves = bench.strategies.filter((name) => sendsHalf(name))
    const doubled = groupOf([2 * bench.rank], { ...bench, strategies: halves }, work.add)
    await work.run()
    return { mixed: await mixed, equal: await equal, doubled: await doubled }
  } finally {
    await Promise.all(learners.map((learner) => learner.close()))
    await rm(folder, { recursive: true, force: true })
  }
}

const sendsHalf = (name: LearningStrategy): boolean =>
  (learningStrategies[name] as UsedStrategy).sendsHalf === true

type Add = <T>(name: string, task: Task<T>) => Promise<T>

async function groupOf(given: readonly number[], bench: LearningBench, add: Add): Promise<LearningGroup> {
  const ranks = Array.from({ length: bench.agents }, (_, agent) => given[agent % given.length] as number)
  const isMixed = new Set(ranks).size > 1
  const title = isMixed ? `ranks ${given.join(', ')}` : `rank ${ranks[0]}`
  const plans = Array.from(
    { length: bench.seeds },
    (_, at): Federation => ({ ...bench, ranks, seed: at + 1 }),
  )
  const each = <T>(name: string, task: (site: Site, plan: Federation) => Promise<T>): Promise<T[]> =>
    Promise.all(plans.map((plan) => add(`${title}, ${name}, seed ${plan.seed}`, (site) => task(site, plan))))
  const taken = bench.strategies.filter((name) => !isMixed || learningStrategies[name].isMixed)
  if (taken.length === 0) return { ranks, alone: [], aloneOwn: [], untrained: [], rows: [] }
  const [untrained, apart, ...outcomes] = await Promise.all([
    each('untrained', untrainedLoss),
    each('each agent alone', trainAlone),
    ...taken.map((name) =>
      each(name, (site, plan) => federate(site, plan, learningStrategies[name] as UsedStrategy)),
    ),
  ])
  const rows = taken.map((strategy, at): LearningRow => {
    const runs = outcomes[at] as NonNullable<(typeof outcomes)[number]>
    const losses = runs.map(({ loss }) => loss)
    const ownLosses = runs.map(({ ownLoss }) => ownLoss)
    const { upBytes, downBytes } = runs[0] as (typeof runs)[number]
    const megabytes = (sumOf(upBytes) + sumOf(downBytes)) / bench.agents / 1e6
    return {
      ...{ strategy, losses, ownLosses, upBytes, downBytes },
      gainPerMB: (meanOf(untrained) - meanOf(losses)) / megabytes,
    }
  })
  const [alone, aloneOwn] = [apart.map(({ loss }) => loss), apart.map(({ ownLoss }) => ownLoss)]
  return { ranks, alone, aloneOwn, untrained, rows }
}

/** Work that learners take in turn. */
function shared(
  learners: readonly Learner[],
  place: { readonly folder: string; readonly model: string; onProgress(text: string): void },
): { readonly add: Add; run(): Promise<void> } {
  const waiting: { readonly name: string; run(learner: Learner): Promise<void> }[] = []
  const add: Add = (name, task) =>
    new Promise((resolve, reject) => {
      waiting.push({
        name,
        run: async (learner) => {
          const scratch = await mkdtemp(join(place.folder, 'federation-'))
          await task({ learner, model: place.model, scratch }).then(resolve, reject)
        },
      })
    })
  let taken = 0
  const take = async (learner: Learner): Promise<void> => {
    for (let next = waiting[taken]; next !== undefined; next = waiting[taken]) {
      const at = ++taken
      place.onProgress(`${at} of ${waiting.length}: ${next.name} …`)
      await next.run(learner)
    }
  }
  return { add, run: async () => void (await Promise.all(learners.map(take))) }
}

export const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
export const meanOf = (values: readonly number[]): number => sumOf(values) / values.length

/** The standard deviation of a sample; 0 of one value. */
export function spreadOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return Math.sqrt(sumOf(values.map((value) => (value - mean) ** 2)) / Math.max(1, values.length - 1))
}
