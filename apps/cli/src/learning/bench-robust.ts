/**
 * How much of what honest agents learn is left under each attack and each rule.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdapter, type Engine, valueRules, wholeRules } from '@lorica/peft-core'
import { openEngine } from './engine-choice.js'
import { type RandomModel, writeRandomModel } from './random-model.js'
import { rowShape } from './robust-data.js'
import {
  type AttackName,
  type Federation,
  federate,
  type Learner,
  type Outcome,
  type UsedRule,
} from './robust-federation.js'

export const ruleNames = ['mean', ...wholeRules, 'multi-krum-over-rounds', ...valueRules] as const
export type RuleName = (typeof ruleNames)[number]

export interface RobustBench extends Federation {
  readonly attacks: readonly AttackName[]
  readonly rules: readonly RuleName[]
  readonly liars: readonly number[] // how many of the agents lie
  readonly engines: number // federations that are trained at once, each in a process and a thread of its own
}

export interface RobustRun extends Outcome {
  readonly attack: AttackName
  readonly rule: RuleName
  readonly liars: number // that there are, and that the rule is set for; of the attack 'none', that it is set for
  /** loss / loss of the mean of honest agents alone - 1. */
  readonly worseBy: number | null
  /** Why the rule does not take so few agents. */
  readonly refused?: string
}

export interface RobustResult {
  /** The mean with no liar among the agents. */
  readonly clean: Outcome
  /** Before any training. */
  readonly untrained: Outcome
  readonly runs: readonly RobustRun[]
}

const MODEL: RandomModel = {
  ...{ family: 'bert', layers: 2, width: 32, heads: 2, keyValueHeads: 2, feedForward: 64 },
  ...{ vocabulary: rowShape.vocabulary, positions: rowShape.columns, element: 'float32' },
  standardDeviation: 0.18, // about 1 / sqrt(width), so that untrained attention already mixes the words
}
const HALF_LIFE_ROUNDS = 7
const LABELS = Array.from({ length: rowShape.classes }, (_, at) => `class ${at}`)
const SPEC = { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false } as const

/** Trains a federation for each attack, rule and number of liars. The result does not depend on how many are trained at once. */
export async function benchRobust(
  bench: RobustBench,
  onProgress: (text: string) => void,
): Promise<RobustResult> {
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
): Promise<RobustResult> {
  const [first] = learners
  if (first === undefined) throw new RangeError(`engines expected one or more, got ${bench.engines}`)
  const honest = { attack: 'none', liars: 0, rule: { rule: 'mean' } } as const
  const untrained = await federate(first, { ...bench, rounds: 0 }, honest)
  onProgress('honest agents alone …')
  const clean = await federate(first, bench, honest)
  const cells = bench.liars.flatMap((liars) =>
    bench.rules.flatMap((rule) => bench.attacks.map((attack) => ({ liars, rule, attack }))),
  )
  const runs: RobustRun[] = []
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
      const worseBy = outcome.loss === null || clean.loss === null ? null : outcome.loss / clean.loss - 1
      runs[place] = { attack, rule, liars, ...outcome, worseBy }
    }
  }
  await Promise.all(learners.map(work))
  return { clean, untrained, runs }
}

async function refusable(run: () => Promise<Outcome>): Promise<Outcome & Pick<RobustRun, 'refused'>> {
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
