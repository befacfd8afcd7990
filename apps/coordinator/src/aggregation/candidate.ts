import {
  type Adapter,
  type Aggregate,
  type Contribution,
  filledAdapter,
  grownAdapter,
  type splitAdapter,
} from '@lorica/peft-core'
import type { Run } from '../runs/run.js'
import { roundSeed } from '../runs/seed.js'
import { sidedIn, tensorsOf } from '../runs/strategy.js'
import type { Aggregated, ClosedRound } from './closed-round.js'
import { nextControlOf } from './scaffold.js'
import { optimizerIn, shortened, steppedAdapter } from './server-step.js'

/** What a strategy made of a round, and what of. */
export interface Made {
  readonly made: Aggregate
  readonly split: ReturnType<typeof splitAdapter> // what the round started from: of a run with a side, what agents train and what not
  readonly scale: number // of the change: 1 but in a shortened step of late updates
  readonly updates: readonly Contribution[]
}

/** The candidate of a round: the aggregate beside its frozen side, filled up, shortened, or stepped by an optimiser, as the run asks for. */
export async function candidateOf(
  closed: ClosedRound,
  { made, split, scale, updates }: Made,
): Promise<Aggregated> {
  const { spec, seed, round, memory, controlled } = closed
  const start = split.trained
  const sided = sidedIn(spec)
  if (sided !== null) {
    const next = roundSeed(seed, round.round + 1)
    const { side, ...grown } = await grownAdapter(made, { ...sided, start: split, seed: next })
    return { ...grown, memory: null, grown: { ...side, maxRank: sided.maxRank } }
  }
  const filled = await filledTo(start, spec, made)
  const aggregate = scale === 1 ? filled : shortenedTo(start, filled, scale)
  if (controlled !== null) {
    const before = memory?.kind === 'control' ? memory.control : null
    const turn = { round: round.round, control: before, agents: controlled, updates }
    const control = await nextControlOf(spec, turn)
    return { ...aggregate, memory: { kind: 'control', control }, grown: null }
  }
  const optimizer = optimizerIn(spec)
  if (optimizer === null) return { ...aggregate, memory: null, grown: null }
  const { shared } = tensorsOf(spec, start, round.round)
  const before = memory?.kind === 'optimizer' ? memory.state : null
  const given = { start, aggregate: aggregate.candidate, trained: shared.keys(), state: before }
  const { candidate, state } = steppedAdapter(optimizer, given)
  return { ...aggregate, candidate, memory: { kind: 'optimizer', state }, grown: null }
}

/** An aggregate that goes a part of the way from the start, since late updates count less. */
function shortenedTo(start: Adapter, { candidate, report, ...rest }: Aggregate, scale: number): Aggregate {
  const note = `the updates are late: ${(100 * scale).toPrecision(3)} % of their change is taken, and the figures are of all of it`
  const notes = [...report.notes, note]
  return { ...rest, candidate: shortened(start, candidate, scale), report: { ...report, notes } }
}

/** An aggregate of agents of lower ranks, with the rank of the run again: its change is the same. */
async function filledTo(start: Adapter, { peft }: Run['spec'], aggregate: Aggregate): Promise<Aggregate> {
  if (peft.ranks === undefined) return aggregate
  return { ...aggregate, candidate: await filledAdapter(aggregate.candidate, start) }
}
