import {
  meanChange,
  nextServerControl,
  rateSumOf,
  type TensorMap,
  type TensorSource,
  zeroControl,
} from '@lorica/peft-core'
import type { RunSpec, TrainAssignment } from '@lorica/protocol'
import { rateScheduleOf } from '../runs/rate-schedule.js'
import { contributionsOf, type RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'

/** Whether agents correct their steps for the direction in which their data pull. */
export function isCorrected({ local }: Pick<RunSpec, 'local'>): boolean {
  return local.scaffold === true
}

/** What an agent is told of its correction; undefined of a run without. */
export function controlFor(
  { spec, optimizerState, rounds }: Pick<Run, 'spec' | 'optimizerState' | 'rounds'>,
  agentId: string,
): TrainAssignment['control'] {
  if (!isCorrected(spec)) return undefined
  const updates = released(rounds).flatMap(({ contributions }) => contributions)
  const counted = updates.findLast((contribution) => contribution.agentId === agentId)?.updateSha256 ?? null
  return { file: optimizerState, counted }
}

/** How many agents have a control, before and after a round. */
export interface ControlledAgents {
  readonly before: number
  readonly after: number
}

/** Those whose updates went into a release, and those of the round with them; null of a run without controls. */
export function controlledAgents(
  { spec, rounds }: Pick<Run, 'spec' | 'rounds'>,
  round: RoundState,
): ControlledAgents | null {
  if (!isCorrected(spec)) return null
  const earlier = released(rounds).filter((record) => record.round < round.round)
  const known = new Set(earlier.flatMap(({ contributions }) => contributions.map(({ agentId }) => agentId)))
  const all = new Set([...known, ...contributionsOf(round).map(({ agentId }) => agentId)])
  return { before: known.size, after: all.size }
}

const released = (rounds: Run['rounds']): Run['rounds'] =>
  rounds.filter(({ verdict }) => verdict === 'released')

/** The mean of the agents' controls after a round, from their updates. RangeError when a value is not finite. */
export async function nextControlOf(
  { local, rounds }: Pick<RunSpec, 'local' | 'rounds'>,
  closed: {
    readonly round: number
    readonly control: TensorMap | null // before it
    readonly agents: ControlledAgents
    readonly updates: readonly { readonly id: string; readonly tensors: TensorSource }[]
  },
): Promise<TensorMap> {
  const { round, control, agents, updates } = closed
  const mean = await meanChange(updates)
  const rateSum = rateSumOf(local.learningRate, rateScheduleOf({ local, rounds }, round), local.steps)
  return nextServerControl(control ?? zeroControl(mean), { mean, took: updates.length, rateSum, agents })
}
