/**
 * A federation on one machine, some of whose agents lie: real training of each agent, one attack, one rule.
 * @module
 */
import {
  type Adapter,
  type AggregationRule,
  againstMean,
  createRandom,
  type DistanceMemory,
  type Engine,
  EngineError,
  freeRide,
  littleIsEnough,
  noiseUpdate,
  type RobustRule,
  scaledUpdate,
  strategyOf,
  type TensorMap,
  type TokenBatch,
  tensorSource,
  valueRules,
  wholeRules,
} from '@lorica/peft-core'
import { type Poison, rowBatches, triggeredBatch } from './robust-data.js'

/** What liars send; see `attacks.ts` of peft-core. */
export const attackNames = [
  'none',
  'sign-flip',
  'scaling',
  'noise',
  'label-flip',
  'little-is-enough',
  'inner-product',
  'free-rider',
  'backdoor',
] as const
export type AttackName = (typeof attackNames)[number]

/** What may be done with updates. */
export const ruleNames = ['mean', ...wholeRules, 'multi-krum-over-rounds', ...valueRules] as const
export type RuleName = (typeof ruleNames)[number]

export interface Federation {
  readonly agents: number
  readonly rounds: number
  readonly steps: number // of each agent in each round
  readonly batch: number
  readonly rows: number // of each agent
  readonly firstBatch?: number // of an agent's rows that training begins with; 0 unless stated
  readonly heldOut: number // rows that the result is measured on, of nobody
  readonly seed: number
}

/** An open model, with the adapter that all start from. */
export interface Learner {
  readonly engine: Engine
  readonly start: Adapter
}

export interface Outcome {
  /** Mean nats a row on the coordinator's own rows; null when it is no number any more. */
  readonly loss: number | null
  readonly accuracy: number | null
  /** The share of rows with the backdoor's trigger that get the class that it wants. */
  readonly backdoor: number | null
}

/**
 * A rule as a federation uses it: 'mean' is plain averaging, 'multi-krum-over-rounds' looks at distances of all rounds. The root of
 * 'trusted-root' is the coordinator's own update.
 */
export type UsedRule =
  | RobustRule
  | { readonly rule: 'mean' }
  | { readonly rule: 'multi-krum-over-rounds'; readonly liars: number; readonly halfLifeRounds: number }

const LEARNING_RATE = 0.02
const MEASURED_AT_ONCE = 512 // rows
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const

/** Runs all rounds and measures the adapter. RangeError when the rule needs more agents. */
export async function federate(
  learner: Learner,
  plan: Federation,
  { attack, liars, rule }: { readonly attack: AttackName; readonly liars: number; readonly rule: UsedRule },
): Promise<Outcome> {
  let at: Reached = { tensors: learner.start.tensors, memory: null }
  try {
    for (let round = 0; round < plan.rounds; round++) {
      const trained = (agent: number | 'root', poison: Poison): Promise<TensorMap> =>
        trainUpdate(learner, at.tensors, { plan, round, agent, poison })
      const honest: TensorMap[] = []
      for (let agent = liars; agent < plan.agents; agent++) honest.push(await trained(agent, 'none'))
      const lies: TensorMap[] = []
      for (let agent = 0; agent < liars; agent++) {
        const own = await trained(agent, poisonOf(attack))
        const random = createRandom(plan.seed, `lie ${round} ${agent}`)
        lies.push(lieOf(attack, own, { honest, random, boost: plan.agents / liars }))
      }
      const root = rule.rule === 'trusted-root' ? [await trained('root', 'none')] : []
      at = await aggregated({ ...learner.start, ...at }, [...root, ...lies, ...honest], {
        ...{ rule, round: round + 1 },
      })
    }
    return await measured(learner, at.tensors, plan)
  } catch (error) {
    if (error instanceof EngineError && error.reason === 'refused') return lost // the numbers are none any more
    throw error
  }
}

/** What a federation has after a round. */
interface Reached {
  readonly tensors: TensorMap
  readonly memory: DistanceMemory | null
}

const lost: Outcome = { loss: null, accuracy: null, backdoor: null }

const poisonOf = (attack: AttackName): Poison =>
  attack === 'label-flip' ? 'flipped-labels' : attack === 'backdoor' ? 'backdoor' : 'none'

function lieOf(
  attack: AttackName,
  own: TensorMap,
  {
    honest,
    random,
    boost,
  }: {
    readonly honest: readonly TensorMap[]
    readonly random: ReturnType<typeof createRandom>
    readonly boost: number
  },
): TensorMap {
  switch (attack) {
    case 'sign-flip':
      return scaledUpdate(own, -1)
    case 'scaling':
      return scaledUpdate(own, 100)
    case 'noise':
      return noiseUpdate(own, { times: 10, random })
    case 'little-is-enough':
      return littleIsEnough(honest, 1.5)
    case 'inner-product':
      return againstMean(honest, 2)
    case 'free-rider':
      return freeRide(own)
    case 'backdoor':
      return scaledUpdate(own, boost)
    case 'none':
    case 'label-flip':
      return own
  }
}

/** The change of the trained tensors after an agent's steps from `tensors`. */
async function trainUpdate(
  { engine }: Learner,
  tensors: TensorMap,
  {
    plan,
    round,
    agent,
    poison,
  }: {
    readonly plan: Federation
    readonly round: number
    readonly agent: number | 'root'
    readonly poison: Poison
  },
): Promise<TensorMap> {
  const { seed, rows: count, batch: size, steps, firstBatch = 0 } = plan
  const favourite = agent === 'root' ? null : agent % 4
  const all = rowBatches({ count, favourite, poison, size }, [seed, `rows ${agent}`])
  const batches = Array.from(
    { length: steps },
    (_, at) => all[(firstBatch + round * steps + at) % all.length] as TokenBatch,
  )
  const frozen = [...tensors.keys()].filter(isFrozen)
  const result = await engine.train({
    tensors,
    batches,
    frozen,
    optimizer: { ...ADAM, learningRate: LEARNING_RATE },
    schedule: { kind: 'linear', warmupSteps: 0, totalSteps: steps * plan.rounds, firstStep: round * steps },
    accumulate: 1,
  })
  return new Map(
    [...result.tensors]
      .filter(([name]) => !isFrozen(name))
      .map(([name, { shape, data }]) => {
        const from = tensors.get(name)?.data as Float32Array
        return [name, { shape, data: data.map((value, at) => value - (from[at] as number)) }]
      }),
  )
}

/** A stays as it is, so that the mean of B is the mean of the updates, and single values mean something. */
const isFrozen = (name: string): boolean => name.includes('.lora_A.')

/** The release of a round: B by the rule, as a run with `ffa` makes it. RangeError when the rule needs more updates. */
async function aggregated(
  start: Adapter & Reached,
  updates: readonly TensorMap[],
  { rule, round }: { readonly rule: UsedRule; readonly round: number },
): Promise<Reached> {
  const { config, tensors, memory } = start
  const plan = { start: { config, tensors }, round, measured: false, rule: aggregationRule(rule, memory) }
  const aggregation = strategyOf({ strategy: 'ffa' }).open(plan)
  for (const [at, update] of updates.entries())
    await aggregation.fold({ id: idOf(at), weight: 1, config, start: tensors, tensors: tensorSource(update) })
  const { candidate, report } = await aggregation.close()
  return { tensors: candidate.tensors, memory: report.rule?.memory ?? null }
}

const idOf = (at: number): string => `agent-${String(at).padStart(6, '0')}`

function aggregationRule(used: UsedRule, before: DistanceMemory | null): AggregationRule | null {
  switch (used.rule) {
    case 'mean':
      return null
    case 'trusted-root':
      return { rule: used.rule, root: idOf(used.root) }
    case 'multi-krum-over-rounds': {
      const { liars, halfLifeRounds } = used
      return { rule: 'multi-krum', liars, memory: { halfLifeRounds, before } }
    }
    default:
      return used
  }
}

async function measured(
  { engine }: Learner,
  tensors: TensorMap,
  { seed, heldOut: count }: Federation,
): Promise<Outcome> {
  const rows = { count, favourite: null, poison: 'none', size: MEASURED_AT_ONCE } as const
  const [clean, triggered] = await Promise.all([
    tally(engine, tensors, rowBatches(rows, [seed, 'held out'])),
    tally(engine, tensors, [triggeredBatch(MEASURED_AT_ONCE, [seed, 'triggered'])]),
  ])
  return {
    loss: Number.isFinite(clean.loss) ? clean.loss : null,
    accuracy: clean.accuracy,
    backdoor: triggered.accuracy,
  }
}

async function tally(
  engine: Engine,
  tensors: TensorMap,
  batches: readonly TokenBatch[],
): Promise<{ readonly loss: number; readonly accuracy: number }> {
  let [loss, right, labels] = [0, 0, 0]
  await engine.measure(tensors, batches, (batch) => {
    loss += batch.lossSum
    labels += batch.labels.length
    for (const [at, label] of batch.labels.entries()) if (batch.predictions[at] === label) right++
  })
  return { loss: loss / labels, accuracy: right / labels }
}
