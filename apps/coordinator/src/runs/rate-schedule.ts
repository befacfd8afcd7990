import type { Schedule } from '@lorica/peft-core'
import type { RunSpec } from '@lorica/protocol'

/** The schedule of the learning rate in a round: a part of that of the run. */
export function rateScheduleOf(
  { local, rounds }: Pick<RunSpec, 'local' | 'rounds'>,
  round: number,
): Schedule {
  const { schedule: kind, warmupSteps, steps } = local
  return { kind, warmupSteps, totalSteps: steps * rounds.count, firstStep: steps * (round - 1) }
}
