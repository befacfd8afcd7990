import { type Adapter, hasPart, type Strategy, strategyOf, trainedShapes } from '@lorica/peft-core'
import { LoricaError, type RunSpec } from '@lorica/protocol'

/** The tensors that the adapter of a run has. */
export type AdapterShapes = ReadonlyMap<string, readonly number[]>

type Aggregating = Pick<RunSpec, 'aggregate'>

/** The strategy of a run. What it keeps has the rank of the run. */
export function strategyIn({ aggregate, peft }: Pick<RunSpec, 'aggregate' | 'peft'>): Strategy {
  const { strategy } = aggregate
  switch (strategy) {
    case 'svd':
      return strategyOf({ strategy, target: { rank: peft.rank }, balance: 'even', partition: false })
    case 'lora-fair':
      return strategyOf({ strategy, lambda: aggregate.lambda ?? 0 })
    case 'fedrot':
      return strategyOf({ strategy, lambda: aggregate.lambda ?? 0, turnHere: true })
    case 'flora':
    case 'fedex':
      return strategyOf({ strategy, maxRank: Number.POSITIVE_INFINITY }) // the side is bounded after the round
    default:
      return strategyOf({ strategy })
  }
}

/** A run whose rounds leave a frozen side: the leading rank is trained, and the side of a module has at most another. */
export interface Sided {
  readonly strategy: 'flora' | 'fedex'
  readonly rank: number
  readonly maxRank: number
}

/** What is trained and what is frozen of the adapter of a run; null where all of it is trained. */
export function sidedIn({ aggregate, peft }: Pick<RunSpec, 'aggregate' | 'peft'>): Sided | null {
  const { strategy, maxRank } = aggregate
  if (strategy !== 'flora' && strategy !== 'fedex') return null
  return { strategy, rank: peft.rank, maxRank: maxRank ?? Number.POSITIVE_INFINITY }
}

/** Whether rounds of a run train some of the tensors only. */
export function hasFrozen({ aggregate }: Aggregating): boolean {
  return ['ffa', 'rolora', 'fedsvd'].includes(aggregate.strategy)
}

/** Whether parts of the adapter of a run stay with the agents, which those of protocol 1 would send. */
export function hasPersonal({ aggregate }: Aggregating): boolean {
  return aggregate.strategy === 'fedsa' || aggregate.personal !== undefined
}

/** Whether rounds of a run train a part of the adapter only, which agents of protocol 1 cannot. */
export function trainsPart(spec: Aggregating): boolean {
  return hasFrozen(spec) || ['flora', 'fedex'].includes(spec.aggregate.strategy)
}

/** Whether what a run freezes first is to be orthonormal, so that a bound on what is trained bounds the change of the model. */
export function hasOrthonormalStart({ aggregate }: Aggregating): boolean {
  return ['ffa', 'fedsvd'].includes(aggregate.strategy)
}

/** What becomes of the tensors of an adapter in a round. */
export interface RoundTensors {
  readonly shared: AdapterShapes // that agents train and send
  readonly frozen: readonly string[] // that they leave as they are
  readonly personal: readonly string[] // of which each has its own, and never sends it; some of them may be frozen too
}

/** The tensors of the adapter of a run in a round (from 1). */
export function tensorsOf(
  spec: Pick<RunSpec, 'aggregate' | 'peft'>,
  { config, tensors }: Adapter,
  round: number,
): RoundTensors {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const sided = sidedIn(spec)
  if (sided !== null)
    return { shared: trainedShapes({ config, shapes }, sided.rank), frozen: [], personal: [] }
  const roles = strategyIn(spec).roles({ config, shapes }, round)
  const { personal: parts = [] } = spec.aggregate
  const isPersonal = (name: string) =>
    roles.get(name) === 'local' || parts.some((part) => hasPart(name, part))
  return {
    shared: new Map([...shapes].filter(([name]) => roles.get(name) === 'shared' && !isPersonal(name))),
    frozen: [...shapes.keys()].filter((name) => roles.get(name) === 'frozen'),
    personal: [...shapes.keys()].filter(isPersonal),
  }
}

const CYCLE = [1, 2] // rounds, after which a strategy does the same again

/** Throws LoricaError LRC-3001 unless each of `aggregate.personal` names tensors that agents train, and some are left to send. */
export function expectPersonal(spec: Pick<RunSpec, 'aggregate' | 'peft'>, adapter: Adapter): void {
  if (!hasPersonal(spec)) return
  const rounds = CYCLE.map((round) => tensorsOf(spec, adapter, round))
  const names = [...adapter.tensors.keys()]
  const { personal = [] } = spec.aggregate
  for (const [at, part] of personal.entries()) {
    const named = names.filter((name) => hasPart(name, part))
    if (rounds.some(({ frozen }) => named.some((name) => !frozen.includes(name)))) continue
    const what = named.length === 0 ? 'no tensor of the adapter' : 'only tensors that are never trained'
    throw new LoricaError(
      'LRC-3001',
      `run: "aggregate.personal.${at}": ${JSON.stringify(part)} names ${what}`,
      {
        expected: 'whole words of a name such as lora_B or layers.3',
        received: JSON.stringify(part),
      },
    )
  }
  const empty = CYCLE.find((_, at) => rounds[at]?.shared.size === 0)
  if (empty === undefined) return
  throw new LoricaError('LRC-3001', `run: "aggregate.personal": nothing is left to send in round ${empty}`, {
    expected: 'some trained tensors that are not personal',
    received: 'none',
  })
}
