import type { RunView } from '@lorica/protocol'
import { expect } from 'vitest'
import type { Fleet, RunSettings } from './fleet.js'

/** Does harm while a run is under way, until it has done enough. `over` aborts when the run has ended. */
export type Disturb = (over: AbortSignal) => Promise<'more' | 'enough'>

/**
 * Starts runs with the same settings, one after the other, until there was enough harm, and holds the end of each against
 * that of a run that nobody disturbed. Returns how many runs it took.
 */
export async function disturbRuns(
  fleet: Fleet,
  settings: RunSettings,
  undisturbed: RunView,
  disturb: Disturb,
): Promise<number> {
  for (let runs = 1; ; runs++) {
    const run = await fleet.start(settings)
    const over = new AbortController()
    const ended = fleet.operate<RunView>('run', 'watch', run).finally(() => over.abort())
    const [view, harm] = await Promise.all([ended, disturb(over.signal)])
    try {
      expectSameRun(undisturbed, view)
    } catch (error) {
      process.stderr.write(`${setbacks(fleet).join('\n')}\n`)
      throw error
    }
    if (harm === 'enough') return runs
  }
}

/** A run that ended as the undisturbed one: the same updates in the same rounds, none of them twice, and the same adapter. */
export function expectSameRun(expected: RunView, view: RunView): void {
  expect([view.state, view.reason]).toEqual(['succeeded', expected.reason])
  expect(view.rounds.map(({ round, attempt }) => [round, attempt])).toEqual(
    expected.rounds.map(({ round }) => [round, 1]),
  )
  expect(updatesOf(view)).toEqual(updatesOf(expected))
  expect(view.adapterSha256).toBe(expected.adapterSha256)
}

function updatesOf({ rounds }: RunView): readonly (readonly string[])[] {
  return rounds.map(({ contributions }) => contributions.map((one) => one.updateSha256).toSorted())
}

export interface Trainings {
  readonly begun: number
  readonly finished: number
}

/** How often an agent began and finished to train each round that it was asked for, by "run round". */
export function trainingsOf(fleet: Fleet, agent: number): ReadonlyMap<string, Trainings> {
  const rounds = new Map<unknown, string>()
  const counts = new Map<string, Trainings>()
  for (const { lines } of fleet.lives(agent)) {
    const steps = new Map<string, number>()
    for (const { event, kind, assignmentId, runId, round, phase, step, steps: all } of lines) {
      if (event === 'assignment' && kind === 'train') rounds.set(assignmentId, `${runId} ${round}`)
      const name = rounds.get(assignmentId)
      if (event !== 'progress' || phase !== 'train' || name === undefined) continue
      const { begun, finished } = counts.get(name) ?? { begun: 0, finished: 0 }
      const isNew = Number(step) <= (steps.get(name) ?? Number.POSITIVE_INFINITY)
      steps.set(name, Number(step))
      counts.set(name, { begun: begun + Number(isNew), finished: finished + Number(step === all) })
    }
  }
  return counts
}

/** What any process told of that should not happen. */
function setbacks(fleet: Fleet): readonly string[] {
  return fleet
    .printed()
    .split('\n')
    .filter((line) =>
      /"event":"(refused|declined|abandoned|engine-failed|failed)"|refused|declined|fault|failed/.test(line),
    )
}
