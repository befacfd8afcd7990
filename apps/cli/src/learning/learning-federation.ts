/**
 * A federation of agents with unlike data on one machine: real training of each agent, one strategy.
 * @module
 */
import { join } from 'node:path'
import {
  type Adapter,
  mergeAdapter,
  orthonormalStart,
  personalAdapter,
  rotatedAdapter,
  strategyOf,
  type TensorMap,
  type TensorRole,
  tensorSource,
  truncatedAdapter,
} from '@lorica/peft-core'
import { freshAdapter, type Learner } from './learner.js'
import { textShape, topicBatches } from './learning-data.js'
import type { UsedStrategy } from './learning-strategies.js'

export interface Federation {
  readonly agents: number
  readonly rounds: number
  readonly steps: number // of each agent in each round
  readonly batch: number
  readonly rows: number // of each agent
  readonly learningRate: number
  readonly seed: number
  /** Of each agent. */
  readonly ranks: readonly number[]
}

/** Where a federation trains. */
export interface Site {
  readonly learner: Learner
  readonly model: string
  /** An empty folder for models that something was merged into. */
  readonly scratch: string
}

/** Mean nats a word of held-out text; of several adapters the mean. */
export interface Losses {
  readonly loss: number // of all topics
  readonly ownLoss: number // of text like each agent's own
}

export interface Outcome extends Losses {
  readonly upBytes: readonly number[] // of each agent
  readonly downBytes: readonly number[]
}

const HELD_OUT = 512 // rows
const OWN_HELD_OUT = 128 // rows of each agent
const VALUE_BYTES = 4 // float32
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const

/** What an agent holds between rounds. */
interface Held {
  readonly model: string
  readonly adapter: Adapter
}

/** Runs all rounds and measures what they release, or, where parts stay with the agents, what each agent has, and the mean of that. */
export async function federate(site: Site, plan: Federation, used: UsedStrategy): Promise<Outcome> {
  const strategy = strategyOf(used.spec)
  const up = plan.ranks.map(() => 0)
  const down = plan.ranks.map(() => 0)
  let model = site.model
  let release = await startOf(site, plan, used, 0)
  let held: readonly Held[] = await Promise.all(
    plan.ranks.map(async (rank) => ({ model, adapter: await truncatedAdapter(release, rank) })),
  )
  let isPersonal = false
  for (let round = 1; round <= plan.rounds; round++) {
    const aggregation = strategy.open({ start: release, round, measured: false })
    const trained: Adapter[] = []
    const roles: ReadonlyMap<string, TensorRole>[] = []
    for (const [agent, own] of held.entries()) {
      const { config } = own.adapter
      const ownRoles = strategy.roles({ config, shapes: shapesOf(own.adapter.tensors) }, round)
      const tensors = await train(site.learner, own, { plan, round, agent, roles: ownRoles })
      const sent =
        used.spec.strategy === 'fedrot'
          ? await rotatedAdapter({ config, tensors }, own.adapter, { lambda: used.spec.lambda, round })
          : { config, tensors }
      trained.push(sent)
      roles.push(ownRoles)
      up[agent] = (up[agent] as number) + bytesOf(sent.tensors, (name) => ownRoles.get(name) === 'shared')
      const id = `agent-${String(agent).padStart(6, '0')}`
      await aggregation.fold({ id, weight: 1, config, start: null, tensors: tensorSource(sent.tensors) })
    }
    const { candidate, side } = await aggregation.close()
    const merged = used.merges === 'all' ? candidate : used.merges === 'side' ? side : null
    if (merged !== null) {
      const out = join(site.scratch, `round-${round}`)
      model = (await mergeAdapter({ model, adapter: merged, out })).model
    }
    release = used.merges === 'all' ? await startOf(site, plan, used, round) : candidate
    isPersonal = roles.some((own) => [...own.values()].includes('local'))
    const before = held
    held = await Promise.all(
      plan.ranks.map(async (rank, agent) => ({
        model,
        adapter: isPersonal
          ? personalAdapter(trained[agent] as Adapter, release, roles[agent] as (typeof roles)[number])
          : await truncatedAdapter(release, rank),
      })),
    )
    const extra = merged === null ? 0 : bytesOf(merged.tensors)
    for (const [agent, { adapter }] of held.entries()) {
      const last = (before[agent] as Held).adapter.tensors
      const isNew = (name: string): boolean =>
        isPersonal
          ? roles[agent]?.get(name) === 'shared'
          : isChanged(last.get(name), adapter.tensors.get(name))
      const own = used.merges === 'all' ? 0 : bytesOf(adapter.tensors, isNew) // a fresh start is drawn from the seed
      down[agent] = (down[agent] as number) + own + extra
    }
  }
  const measured = isPersonal ? held : [{ model, adapter: release }]
  return { ...(await lossesOf(site.learner, measured, plan)), upBytes: up, downBytes: down }
}

/** The losses of the agents, each of which trains for as many steps and sees nothing of the others. */
export async function trainAlone(site: Site, plan: Federation): Promise<Losses> {
  const start = await freshAdapter(site.model, Math.max(...plan.ranks), plan.seed)
  const all = { ...plan, rounds: 1, steps: plan.rounds * plan.steps }
  const trained: Held[] = []
  for (const [agent, rank] of plan.ranks.entries()) {
    const own = { model: site.model, adapter: await truncatedAdapter(start, rank) }
    const tensors = await train(site.learner, own, { plan: all, round: 1, agent, roles: new Map() })
    trained.push({ ...own, adapter: { ...own.adapter, tensors } })
  }
  return await lossesOf(site.learner, trained, plan)
}

/** The loss before any training. */
export async function untrainedLoss(site: Site, plan: Federation): Promise<number> {
  const adapter = await freshAdapter(site.model, Math.max(...plan.ranks), plan.seed)
  return (await lossesOf(site.learner, [{ model: site.model, adapter }], plan)).loss
}

/** What all start from: the same for a seed and a round, so that it need not be sent. */
export async function startOf(
  site: Site,
  plan: Federation,
  used: UsedStrategy,
  round: number,
): Promise<Adapter> {
  const fresh = await freshAdapter(site.model, Math.max(...plan.ranks), plan.seed + 1000 * round)
  return used.isOrthonormal === true ? await orthonormalStart(fresh) : fresh
}

/** What an agent makes of an adapter in a round, on rows of its own. */
export async function train(
  learner: Learner,
  { model, adapter: { config, tensors } }: Held,
  {
    plan,
    round,
    agent,
    roles,
  }: {
    readonly plan: Federation
    readonly round: number
    readonly agent: number
    readonly roles: ReadonlyMap<string, TensorRole>
  },
): Promise<TensorMap> {
  const { seed, rows: count, batch: size, steps } = plan
  const all = topicBatches({ count, size, own: agent % textShape.topics }, [seed, `rows ${agent}`])
  const first = (round - 1) * steps
  const engine = await learner.opened(model, config)
  const result = await engine.train({
    tensors,
    batches: Array.from({ length: steps }, (_, at) => all[(first + at) % all.length] as (typeof all)[number]),
    frozen: [...tensors.keys()].filter((name) => roles.get(name) === 'frozen'),
    optimizer: { ...ADAM, learningRate: plan.learningRate },
    schedule: { kind: 'linear', warmupSteps: 0, totalSteps: steps * plan.rounds, firstStep: first },
    accumulate: 1,
  })
  return result.tensors
}

/** The losses of what each agent has, or of what all of them have. */
async function lossesOf(
  learner: Learner,
  held: readonly Held[],
  { ranks, seed }: Federation,
): Promise<Losses> {
  const losses: number[] = []
  for (const one of held) losses.push(await lossOfAll(learner, one, seed))
  const own: number[] = []
  for (const agent of ranks.keys()) {
    const like = { count: OWN_HELD_OUT, size: 128, own: agent % textShape.topics }
    const batches = topicBatches(like, [seed, `held out ${agent}`])
    own.push(await lossOf(learner, (held[agent] ?? held[0]) as Held, batches))
  }
  return { loss: meanOf(losses), ownLoss: meanOf(own) }
}

/** Mean nats a word of held-out text of all topics. */
export async function lossOfAll(learner: Learner, held: Held, seed: number): Promise<number> {
  return await lossOf(
    learner,
    held,
    topicBatches({ count: HELD_OUT, size: 128, own: null }, [seed, 'held out']),
  )
}

async function lossOf(
  learner: Learner,
  { model, adapter }: Held,
  batches: ReturnType<typeof topicBatches>,
): Promise<number> {
  const engine = await learner.opened(model, adapter.config)
  const { lossSum, tokens } = await engine.evaluate(adapter.tensors, batches)
  return lossSum / tokens
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const shapesOf = (tensors: TensorMap) => new Map([...tensors].map(([name, { shape }]) => [name, shape]))

function bytesOf(tensors: TensorMap, isCounted: (name: string) => boolean = () => true): number {
  return [...tensors].reduce(
    (sum, [name, { data }]) => sum + (isCounted(name) ? VALUE_BYTES * data.length : 0),
    0,
  )
}

type MaybeTensor = ReturnType<TensorMap['get']>

function isChanged(before: MaybeTensor, after: MaybeTensor): boolean {
  return (
    before === undefined || after === undefined || before.data.some((value, at) => value !== after.data[at])
  )
}
