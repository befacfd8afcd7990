/**
 * How much of what honest agents learn is left under each attack and each rule.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdapter, type Engine } from '@lorica/peft-core'
import { openEngine } from './engine-choice.js'
import { type RandomModel, writeRandomModel } from './random-model.js'
import { rowShape } from './robust-data.js'
import {
  type AttackName,
  type Federation,
  federate,
  type Learner,
  type Outcome,
  type RuleName,
  type UsedRule,
} from './robust-federation.js'
import { overTrials, type RobustResult, type Trial, type TrialRun } from './robust-trials.js'

export interface RobustBench extends Federation {
  readonly attacks: readonly AttackName[]
  readonly rules: readonly RuleName[]
  readonly liars: readonly number[] // how many of the agents lie
  readonly engines: number // federations that are trained at once, each in a process and a thread of its own
  readonly trials: number // each with data, weights and orders of its own
}

const MODEL: RandomModel = {
  ...{ family: 'bert', layers: 2, width: 32, heads: 2, keyValueHeads: 2, feedForward: 64 },
  ...{ vocabulary: rowShape.vocabulary, positions: rowShape.columns, element: 'float32' },
  standardDeviation: 0.18, // about 1 / sqrt(width), so that untrained attention already mixes the words
}
const HALF_LIFE_ROUNDS = 7
const LABELS = Array.from({ length: rowShape.classes }, (_, at) => `class ${at}`)
const SPEC = { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false } as const

/** Trains a federation for each attack, rule, number of liars and trial. The result does not depend on how many are trained at once. */
export async function benchRobust(
  bench: RobustBench,
  onProgress: (text: string) => void,
): Promise<RobustResult> {
  const trials: Trial[] = []
  for (let trial = 0; trial < bench.trials; trial++) {
    const prefix = bench.trials === 1 ? '' : `trial ${trial + 1} of ${bench.trials}, `
    const plan = { ...bench, seed: bench.seed + trial * SEEDS_APART }
    trials.push(await runTrial(plan, (text) => onProgress(`${prefix}${text}`)))
  }
  return overTrials(trials)
}

/** A trial of another seed is not the first trial of the next one. */
const SEEDS_APART = 1_000_003

async function runTrial(bench: RobustBench, onProgress: (text: string) => void): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-robust-'))
  const engines: Engine[] = []
  try {
    await writeRandomModel(folder, MODEL)
    const head = { task: 'sequence', labels: LABELS, seed: bench.seed } as const
    const start = await createAdapter(folder, SPEC, bench.seed, { head })
    const { columns } = rowShape
    const spec = { model: folder, config: start.config, head, rows: bench.batch, columns } as const
    while (engines.length < bench.engines) {
      const engine = await openEngine({ runtime: 'ort', device: 'cpu', threads: 1 })
      engines.push(engine)
      await engine.open({ ...spec, trainable: 'adapter' })
    }
    const learners = engines.map((engine) => ({ engine, start }))
    return await matrixOf(learners, bench, onProgress)
  } finally {
    await Promise.all(engines.map((engine) => engine.close()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function matrixOf(
  learners: readonly Learner[],
  bench: RobustBench,
  onProgress: (text: string) => void,
): Promise<Trial> {
  const [first] = learners
  if (first === undefined) throw new RangeError(`engines expected one or more, got ${bench.engines}`)
  const honest = { attack: 'none', liars: 0, rule: { rule: 'mean' } } as const
  const untrained = await federate(first, { ...bench, rounds: 0 }, honest)
  onProgress('honest agents alone …')
  const clean = await federate(first, bench, honest)
  onProgress('honest agents alone, in another order …')
  const again = await federate(
    first,
    { ...bench, firstBatch: Math.ceil(bench.rows / bench.batch / 2) },
    honest,
  )
  const cells = bench.liars.flatMap((liars) =>
    bench.rules.flatMap((rule) => bench.attacks.map((attack) => ({ liars, rule, attack }))),
  )
  const runs: TrialRun[] = []
  let taken = 0
  const work = async (learner: Learner): Promise<void> => {
    for (;;) {
      const place = taken++
      const cell = cells[place]
      if (cell === undefined) return
      const { liars, rule, attack } = cell
      onProgress(`${place + 1} of ${cells.length}: ${liars} of ${bench.agents} agents, ${attack}, ${rule} …`)
      const lie = {
        attack,
        liars: attack === 'none' ? 0 : liars,
        rule: ruleOf(rule, { liars, agents: bench.agents }),
      }
      const isClean = attack === 'none' && rule === 'mean'
      const outcome = isClean ? clean : await refusable(() => federate(learner, bench, lie))
      runs[place] = { attack, rule, liars, ...outcome }
    }
  }
  await Promise.all(learners.map(work))
  return { clean, again, untrained, runs }
}

async function refusable(run: () => Promise<Outcome>): Promise<Outcome & Pick<TrialRun, 'refused'>> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { loss: null, accuracy: null, backdoor: null, refused: error.message }
  }
}

/** The settings of a rule against so many liars. */
function ruleOf(
  name: RuleName,
  { liars, agents }: { readonly liars: number; readonly agents: number },
): UsedRule {
  switch (name) {
    case 'norm-bound':
      return { rule: name, maxNorm: 'median' }
    case 'geometric-median':
      return { rule: name, liars }
    case 'centred-clipping':
      return { rule: name, radius: 'median' }
    case 'trusted-root':
      return { rule: name, root: 0 }
    case 'trimmed-mean':
      return { rule: name, liars, share: (liars + 1) / agents }
    case 'multi-krum-over-rounds':
      return { rule: name, liars, halfLifeRounds: HALF_LIFE_ROUNDS }
    case 'mean':
      return { rule: name }
    default:
      return { rule: name, liars }
  }
}
